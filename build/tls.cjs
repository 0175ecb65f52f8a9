/**
 * Replaces node:tls in the bundle by the same module, loaded only when it is used. Most starts never need it, and with OpenSSL's
 * certificates it costs 13 ms and 2.5 MiB, measured on Node 24.
 */
const NAMES = ['connect', 'createServer', 'createSecureContext', 'rootCertificates', 'Server', 'TLSSocket'];

for (const name of NAMES) {
  Object.defineProperty(exports, name, { enumerable: true, get: () => process.getBuiltinModule('node:tls')[name] });
}
