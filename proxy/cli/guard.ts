/** The command `guard`: the filter between a gateway that starts tools and the engine's socket. */
import { dirname } from 'node:path';
import { guardView } from '../config/guard-view.js';
import { interpolate } from '../config/interpolate.js';
import { readSecretFile } from '../config/secret-file.js';
import { readSource } from '../config/yaml-source.js';
import { Engine } from '../guard/engine.js';
import { command, EXIT, type Io } from './command.js';
import { configPath } from './config-path.js';

const HEALTH_MS = 2000;
const LISTEN = '/run/egress-guard/docker.sock';

/** Exit code 78 for a configuration that is bad or has no section `guard`, 1 where the socket cannot be made. */
export const guardCommand = command({
  name: 'guard',
  synopsis: '[--config FILE] [--health]',
  details: `  Listens on the Unix socket guard.listen, for a gateway that starts tools with the Docker CLI, and passes on to
  the engine what is needed to start a tool. SIGHUP or a changed file reloads the section guard, for the next tools.
  --health exits 0 if the guard of this container and the engine answer, else 1.
  exit code: 0 after a clean end, 1 the socket cannot be made, 78 the configuration cannot be used or has no section guard`,
  options: { config: { type: 'string' }, health: { type: 'boolean' } },
  async run(values, _operands, io) {
    const path = configPath(values.config);
    if (values.health === true) return health(listenOf(path, io), io);
    return (await import('./guard-process.js')).runGuard(path, io);
  },
});

async function health(listen: string, io: Io): Promise<number> {
  try {
    const { status } = await new Engine(() => listen).ask({ method: 'GET', path: '/_ping' }, HEALTH_MS);
    return status === 200 ? EXIT.ok : EXIT.failed;
  } catch (error) {
    io.stderr(`guard: no answer (${error instanceof Error ? error.message : String(error)})\n`);
    return EXIT.failed;
  }
}

/** Reads this one value alone: it runs every few seconds, and a mistake in a changed file does not affect the running guard. */
function listenOf(path: string, io: Io): string {
  const { root } = interpolate(guardView(readSource(path).root), io.env, (file) => readSecretFile(file, dirname(path)));
  const guard: unknown = typeof root === 'object' && root !== null ? Reflect.get(root, 'guard') : null;
  const listen: unknown = typeof guard === 'object' && guard !== null ? Reflect.get(guard, 'listen') : null;
  return typeof listen === 'string' ? listen : LISTEN;
}
