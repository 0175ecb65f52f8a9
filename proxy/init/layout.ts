/** Where the files that init writes are, from the stack's folder; only the lines of `.env` are elsewhere. */
export const FOLDER = 'egress-proxy';
export const OVERRIDE = `${FOLDER}/compose.override.yml`;
/** Below that folder. */
export const POLICY = 'config/policy.yaml';
