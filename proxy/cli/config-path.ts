/** Which configuration file a command works with. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** `--config FILE`, else `EGRESS_CONFIG`, else the policy that is shipped with the program. */
export function configPath(option: string | undefined): string {
  return option ?? (process.env.EGRESS_CONFIG || shippedPolicy());
}

/** True for the policy that is shipped with the program, which is nobody's own. */
export function isShippedPolicy(path: string): boolean {
  return path === shippedPolicy();
}

/** In a clone the live file; a package has only the pristine copy. */
function shippedPolicy(): string {
  const at = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
  const live = at('config/policy.yaml');
  return existsSync(live) ? live : at('build/policy.yaml');
}
