/** `npm run schema`: writes the JSON Schema beside the shipped configuration; a test fails where the two differ. */
import { writeFileSync } from 'node:fs';
import { jsonSchema } from '../proxy/config/schema.js';

const file = new URL('../../config/policy.schema.json', import.meta.url);
writeFileSync(file, `${JSON.stringify(jsonSchema(), null, 2)}\n`);
