/**
 * The parts of undici that are used, by their own paths: its index brings fetch, WebSocket, caches and mocks with it, 15 MiB
 * of an idle process that the proxy never calls.
 */
declare module 'undici/lib/dispatcher/client.js' {
  import { Client } from 'undici';
  export default Client;
}

declare module 'undici/lib/core/errors.js' {
  import { errors } from 'undici';
  export default errors;
}
