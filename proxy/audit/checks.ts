/** The table of checks: README, `audit --list`, the rules of SARIF and the tests are made from it. */
import { backendNotInternal, internalBridgeHasHostAddress, networkDrift } from './checks/backend-network.js';
import {
  filesystemRootBroad,
  filesystemRootIneffective,
  filesystemSeeded,
  filesystemServerOn,
} from './checks/filesystem-server.js';
import {
  capAdd,
  capDropMissing,
  hostNamespace,
  noNewPrivilegesMissing,
  privileged,
  rootfsWritable,
  unconfined,
} from './checks/hardening.js';
import {
  openclawFileOpen,
  openclawTokenMismatch,
  openclawTokenMissing,
  plainSecretInMcpConfig,
  plainSecretInOpenclaw,
} from './checks/openclaw.js';
import { opsControllerPublished, opsTokenMissing } from './checks/ops-controller.js';
import { dashboardAuthOff, openWebuiAuthOff, unauthenticatedPublished } from './checks/published.js';
import { engineKnownBad, imageDrift, imageUnpinned, scanDue } from './checks/supply-chain.js';
import { envFileHandedOver, envFileReadable } from './checks/token-files.js';
import { tokenOld, tokenReused, tokenStale, tokenWeak } from './checks/token-values.js';
import {
  gatewayBesideOpsController,
  hostRulesMissing,
  policyOpen,
  socketMounted,
  toolsNotBehindProxy,
} from './checks/tool-egress.js';
import { runsAsRoot } from './checks/users.js';
import type { Check } from './findings/finding.js';

/** In the order of the sections. */
export const CHECKS: readonly Check[] = [
  toolsNotBehindProxy,
  gatewayBesideOpsController,
  socketMounted,
  policyOpen,
  hostRulesMissing,
  backendNotInternal,
  networkDrift,
  internalBridgeHasHostAddress,
  opsControllerPublished,
  opsTokenMissing,
  dashboardAuthOff,
  unauthenticatedPublished,
  tokenWeak,
  tokenReused,
  tokenStale,
  tokenOld,
  envFileReadable,
  envFileHandedOver,
  openWebuiAuthOff,
  runsAsRoot,
  capDropMissing,
  capAdd,
  rootfsWritable,
  noNewPrivilegesMissing,
  privileged,
  hostNamespace,
  unconfined,
  imageUnpinned,
  imageDrift,
  engineKnownBad,
  scanDue,
  filesystemServerOn,
  filesystemSeeded,
  filesystemRootBroad,
  filesystemRootIneffective,
  plainSecretInOpenclaw,
  plainSecretInMcpConfig,
  openclawTokenMismatch,
  openclawFileOpen,
  openclawTokenMissing,
];
