/** Replaces node:https in the bundle by the same module, loaded only when it is used: it loads node:tls (tls.cjs). */
const NAMES = ['createServer', 'request', 'get', 'Agent', 'Server', 'globalAgent'];

for (const name of NAMES) {
  Object.defineProperty(exports, name, { enumerable: true, get: () => process.getBuiltinModule('node:https')[name] });
}
