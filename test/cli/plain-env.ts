/**
 * The environment of a program that a test starts: what is set for whoever runs the tests (EGRESS_*, NODE_OPTIONS,
 * npm_config_*, colours, the variables of a pod) is not for it.
 */
const KEPT = ['PATH', 'HOME', 'TMPDIR', 'SystemRoot'];

export function plainEnv(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const kept = KEPT.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]));
  return { ...Object.fromEntries(kept), ...more };
}
