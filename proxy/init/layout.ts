/** Where our files are, from the stack's folder: all that is ours but the lines of `.env`. */
export const FOLDER = 'egress-proxy';
export const OVERRIDE = `${FOLDER}/compose.override.yml`;
/** Below that folder. */
export const POLICY = 'config/policy.yaml';
