/** `npm run install-form`: compose.override.yml and docker/guard/ -> build/install/, which image, package and release carry. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { installForm } from './install-form.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const target = `${root}build/install`;
mkdirSync(`${target}/docker/guard`, { recursive: true });
writeFileSync(`${target}/compose.override.yml`, installForm(readFileSync(`${root}compose.override.yml`, 'utf8')));
for (const file of readdirSync(`${root}docker/guard`)) {
  copyFileSync(`${root}docker/guard/${file}`, `${target}/docker/guard/${file}`);
}
