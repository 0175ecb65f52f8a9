/**
 * What the bundle takes for node:tls: the module, once somebody uses it. Most starts never need it, and with OpenSSL's
 * certificates it costs 13 ms and 2.5 MiB, measured on Node 24.
 */
const NAMES = ['connect', 'createServer', 'createSecureContext', 'rootCertificates', 'Server', 'TLSSocket'];

for (const name of NAMES) {
  Object.defineProperty(exports, name, { enumerable: true, get: () => process.getBuiltinModule('node:tls')[name] });
}
