/** The two images of the container tests. */
import { docker, repository } from './docker.js';

/** True where both were built elsewhere and loaded: an engine in a closed namespace can build nothing. */
export const ARE_PREBUILT = process.env.EGRESS_IMAGES_BUILT === '1';

/** `mcp-egress-proxy` and `mcp-egress-demo`, up to date. */
export async function buildImages(): Promise<void> {
  if (ARE_PREBUILT) return;
  const files = ['-f', 'docker/demo/compose.yml', '-f', 'compose.override.yml'];
  await docker(['compose', ...files, 'build', '--quiet'], { cwd: repository });
}
