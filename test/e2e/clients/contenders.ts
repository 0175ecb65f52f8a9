/** The clients: how each one is started, and what it needs to know of the proxy and of the test's authority. */
import { fileURLToPath } from 'node:url';

export interface Surroundings {
  readonly proxy: { readonly url: string; readonly port: number };
  readonly authority: { readonly certificatePath: string; readonly trustStorePath: string };
  /** A folder of this client's own. */
  readonly folder: string;
  readonly node24: string;
}

export interface Client {
  readonly name: string;
  /** The cell of docs/clients.md. */
  readonly needs: string;
  readonly command: (around: Surroundings, urls: readonly string[]) => readonly [string, ...string[]];
  /** All that it is told by its environment. */
  readonly env: (around: Surroundings) => NodeJS.ProcessEnv;
  /** The doors that its http: and its https: request come through. */
  readonly doors: readonly [http: string, https: string];
}

const program = (name: string): string =>
  fileURLToPath(new URL(`../../../../test/e2e/clients/programs/${name}`, import.meta.url));

const BOTH = ({ proxy }: Surroundings) => ({ HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url });
const LOWER = ({ proxy }: Surroundings) => ({ http_proxy: proxy.url, https_proxy: proxy.url });
const EXTRA = ({ authority }: Surroundings) => ({ NODE_EXTRA_CA_CERTS: authority.certificatePath });

export const CLIENTS: readonly Client[] = [
  {
    name: 'curl',
    needs: '`http_proxy` in lower case (it ignores `HTTP_PROXY`), `https_proxy`',
    command: ({ authority }, urls) => ['curl', '-sS', '--cacert', authority.certificatePath, ...urls],
    env: LOWER,
    doors: ['absolute', 'connect'],
  },
  {
    name: 'wget',
    needs: 'the same',
    command: ({ authority }, urls) => ['wget', '-qO-', '-t1', `--ca-certificate=${authority.certificatePath}`, ...urls],
    env: LOWER,
    doors: ['absolute', 'connect'],
  },
  {
    name: 'Python requests',
    needs: '`HTTP_PROXY`, `HTTPS_PROXY`',
    command: (_, urls) => ['/usr/bin/python3', program('requests_client.py'), ...urls],
    env: (around) => ({ ...BOTH(around), REQUESTS_CA_BUNDLE: around.authority.certificatePath }),
    doors: ['absolute', 'connect'],
  },
  {
    name: 'Python httpx',
    needs: '`HTTP_PROXY`, `HTTPS_PROXY`',
    command: (_, urls) => ['/usr/bin/python3', program('httpx_client.py'), ...urls],
    env: (around) => ({ ...BOTH(around), SSL_CERT_FILE: around.authority.certificatePath }),
    doors: ['absolute', 'connect'],
  },
  {
    name: 'Python aiohttp',
    needs: 'the same, and `ClientSession(trust_env=True)`',
    command: (_, urls) => ['/usr/bin/python3', program('aiohttp_client.py'), ...urls],
    env: (around) => ({ ...BOTH(around), SSL_CERT_FILE: around.authority.certificatePath }),
    doors: ['absolute', 'connect'],
  },
  {
    name: 'Node 24 fetch',
    needs: '`HTTP_PROXY`, `HTTPS_PROXY`, and `NODE_USE_ENV_PROXY=1`',
    command: ({ node24 }, urls) => [node24, program('fetch.mjs'), ...urls],
    env: (around) => ({ ...BOTH(around), ...EXTRA(around), NODE_USE_ENV_PROXY: '1' }),
    doors: ['connect', 'connect'],
  },
  {
    name: 'undici ProxyAgent',
    needs:
      'in code, as `fetch` of Node before 24: `setGlobalDispatcher(new ProxyAgent(url))`, or `new EnvHttpProxyAgent()`',
    command: (_, urls) => [process.execPath, program('undici.mjs'), ...urls],
    env: (around) => ({ ...BOTH(around), ...EXTRA(around) }),
    doors: ['connect', 'connect'],
  },
  {
    name: 'axios',
    needs: '`HTTP_PROXY`, `HTTPS_PROXY`',
    command: (_, urls) => [process.execPath, program('axios.mjs'), ...urls],
    env: (around) => ({ ...BOTH(around), ...EXTRA(around) }),
    doors: ['absolute', 'connect'],
  },
  {
    name: 'ws',
    needs: 'in code: an `agent`, such as that of `https-proxy-agent`',
    command: (_, urls) => [process.execPath, program('ws.mjs'), ...urls],
    env: (around) => ({ ...BOTH(around), ...EXTRA(around) }),
    doors: ['connect', 'connect'],
  },
  {
    name: 'Python websockets',
    needs: 'before its version 15 in code: the `sock` of a CONNECT',
    command: (_, urls) => ['/usr/bin/python3', program('websockets_client.py'), ...urls],
    env: (around) => ({ ...BOTH(around), SSL_CERT_FILE: around.authority.certificatePath }),
    doors: ['connect', 'connect'],
  },
  {
    name: 'Go net/http',
    needs: '`HTTP_PROXY`, `HTTPS_PROXY` (never used for `localhost`)',
    command: (_, urls) => ['go', 'run', program('client.go'), ...urls],
    env: (around) => ({
      ...BOTH(around),
      ...{ SSL_CERT_FILE: around.authority.certificatePath, GO111MODULE: 'off', GOCACHE: `${around.folder}/cache` },
    }),
    doors: ['absolute', 'connect'],
  },
  {
    name: 'Java HttpClient',
    needs: 'no variables: `-Dhttp.proxyHost`, `-Dhttp.proxyPort`, `-Dhttps.proxyHost`, `-Dhttps.proxyPort`',
    command: ({ proxy, authority }, urls) => [
      'java',
      ...['-Dhttp.proxyHost=127.0.0.1', `-Dhttp.proxyPort=${proxy.port}`],
      ...['-Dhttps.proxyHost=127.0.0.1', `-Dhttps.proxyPort=${proxy.port}`],
      ...[`-Djavax.net.ssl.trustStore=${authority.trustStorePath}`, '-Djavax.net.ssl.trustStorePassword=changeit'],
      ...[program('Client.java'), ...urls],
    ],
    env: () => ({}),
    doors: ['absolute', 'connect'],
  },
];
