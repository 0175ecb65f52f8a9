/** Which configuration file a command works with. */
import { fileURLToPath } from 'node:url';

/** `--config FILE`, else `EGRESS_CONFIG`, else the policy that is shipped with the program. */
export function configPath(option: string | undefined): string {
  return option ?? (process.env.EGRESS_CONFIG || shippedPolicy());
}

function shippedPolicy(): string {
  return fileURLToPath(new URL('../../../config/policy.yaml', import.meta.url));
}
