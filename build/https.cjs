/** What the bundle takes for node:https: the module, once somebody uses it. It loads node:tls: see tls.cjs. */
const NAMES = ['createServer', 'request', 'get', 'Agent', 'Server', 'globalAgent'];

for (const name of NAMES) {
  Object.defineProperty(exports, name, { enumerable: true, get: () => process.getBuiltinModule('node:https')[name] });
}
