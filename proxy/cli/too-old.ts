/**
 * One sentence in place of whatever a Node without the needed APIs would throw. Imported for its effect, before anything
 * else of the program runs; its syntax is lowered to what Node 12 can parse. DECISIONS 245.
 */
const OLDEST_NODE = [20, 19] as const;

function isTooOld(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_NODE;
  return major < oldestMajor || (major === oldestMajor && minor < oldestMinor);
}

if (isTooOld()) {
  const needed = OLDEST_NODE.join('.');
  process.stderr.write(`egress-proxy: needs Node ${needed} or newer; this is ${process.versions.node}\n`);
  process.exit(1);
}
