/** `npm run reasons`: writes docs/reasons.md from the table of reasons; a test fails where the two differ. */
import { writeFileSync } from 'node:fs';
import { reasonsPage } from './reasons-page.js';

writeFileSync(new URL('../../docs/reasons.md', import.meta.url), reasonsPage());
