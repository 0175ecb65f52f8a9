// As BusyBox wget: takes http_proxy (in lower case) and knows nothing of no_proxy. Ends with 0 for a 2xx.
import { get } from 'node:http';

const url = new URL(process.argv[2]);
const proxy = process.env.http_proxy ? new URL(process.env.http_proxy) : null;
const to =
  proxy === null
    ? { host: url.hostname, port: url.port, path: url.pathname }
    : { host: proxy.hostname, port: proxy.port, path: url.href };
get({ ...to, headers: { host: url.host } }, ({ statusCode }) => process.exit(statusCode < 300 ? 0 : 1)).on(
  'error',
  () => process.exit(1),
);
