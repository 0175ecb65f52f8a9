/** `npm run audit-page`: writes the table of checks in docs/audit.md again; a test fails where the two differ. */
import { readFileSync, writeFileSync } from 'node:fs';
import { withChecks } from './audit-page.js';

const page = new URL('../../docs/audit.md', import.meta.url);
writeFileSync(page, withChecks(readFileSync(page, 'utf8')));
