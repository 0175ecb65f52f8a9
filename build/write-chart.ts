/** `npm run chart`: the generated files of docker/kubernetes. install.yaml needs helm on the path, and is left alone without. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chartFiles, renderInstall } from './chart.js';

const folder = fileURLToPath(new URL('../../docker/kubernetes/', import.meta.url));
for (const [name, text] of Object.entries(chartFiles())) writeFileSync(`${folder}chart/files/${name}`, text);
if (hasHelm()) writeFileSync(`${folder}install.yaml`, renderInstall());
else process.stderr.write('chart: no helm on the path (.ci/tools has it): install.yaml is as it was\n');

function hasHelm(): boolean {
  try {
    execFileSync('helm', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
