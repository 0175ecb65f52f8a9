/** The command `firewall` with the configuration that its rules come from. */

import { firewall } from '../firewall/firewall.js';
import { BAD_CONFIG, configPath, readConfiguration } from './configuration.js';

/** As `firewall`, or 78 where the configuration cannot be used. */
export async function firewallCommand(argv: readonly string[]): Promise<number> {
  const { path, rest } = takeConfigOption(argv);
  const config = readConfiguration(configPath(path));
  if (config === null) return BAD_CONFIG;
  return firewall(rest, {
    stdout: (text) => process.stdout.write(text),
    stderr: (text) => process.stderr.write(text),
    policy: config.policy,
  });
}

function takeConfigOption(argv: readonly string[]): { path: string | undefined; rest: readonly string[] } {
  const at = argv.findIndex((argument) => argument === '--config' || argument.startsWith('--config='));
  if (at === -1) return { path: undefined, rest: argv };
  const inline = argv[at]?.startsWith('--config=') === true;
  const path = inline ? argv[at]?.slice('--config='.length) : argv[at + 1];
  return { path, rest: [...argv.slice(0, at), ...argv.slice(at + (inline ? 1 : 2))] };
}
