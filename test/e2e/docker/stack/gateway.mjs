// Stands in for docker/mcp-gateway in what the override has to know of its versions: how each gets its catalog at the start, and which
// asks its clients for a token. The rest is the demo's stand-in.
//   0.42: honours HTTPS_PROXY.   0.43 (v0.43.1 and newer): ignores it, resolves the name itself, refuses private answers.
import { lookup } from 'node:dns/promises';
import { createServer, request } from 'node:http';
import { get } from 'node:https';
import { connect as connectTls } from 'node:tls';

const { GATEWAY_VERSION = '0.43', GATEWAY_CATALOG_URL = '', MCP_GATEWAY_AUTH_TOKEN = '' } = process.env;
const url = new URL(GATEWAY_CATALOG_URL);

try {
  const catalog = await (GATEWAY_VERSION === '0.42' ? throughProxy() : guarded());
  console.log(`catalog: ${catalog.trim()}`);
} catch (error) {
  console.error(`failed to read the catalog: ${error.message}`);
  process.exit(1);
}
if (GATEWAY_VERSION === '0.42' || MCP_GATEWAY_AUTH_TOKEN === '') await import('/demo/gateway.mjs');
else await behindToken();

async function guarded() {
  const answers = await lookup(url.hostname, { all: true });
  const bad = answers.find(({ address }) => /^(10|127|192\.168|172\.(1[6-9]|2\d|3[01]))\./.test(address));
  if (bad !== undefined && process.env.DOCKER_MCP_ALLOW_INSECURE_REMOTE_URLS !== '1') {
    throw new Error(`${url.hostname} resolves to the private address ${bad.address}`);
  }
  return read(
    get({ host: answers[0].address, servername: url.hostname, path: url.pathname, headers: { host: url.host } }),
  );
}

async function throughProxy() {
  const proxy = new URL(process.env.HTTPS_PROXY ?? process.env.https_proxy ?? '');
  const tunnel = request({
    host: proxy.hostname,
    port: proxy.port,
    method: 'CONNECT',
    path: `${url.hostname}:443`,
  }).end();
  const socket = await new Promise((resolve, reject) => {
    tunnel.on('connect', (response, connected) =>
      response.statusCode === 200 ? resolve(connected) : reject(new Error(`proxy says ${response.statusCode}`)),
    );
    tunnel.on('error', reject);
  });
  const secure = connectTls({ socket, servername: url.hostname });
  return read(get({ createConnection: () => secure, path: url.pathname, headers: { host: url.host } }));
}

function read(call) {
  return new Promise((resolve, reject) => {
    call.on('error', reject);
    call.on('response', (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk) => (body += chunk));
      response.on('end', () =>
        response.statusCode === 200 ? resolve(body) : reject(new Error(`${response.statusCode}`)),
      );
    });
  });
}

/** As today's gateway: streaming needs the bearer token, health does not. */
async function behindToken() {
  createServer((incoming, response) => {
    if (incoming.url !== '/health' && incoming.headers.authorization !== `Bearer ${MCP_GATEWAY_AUTH_TOKEN}`) {
      response.statusCode = 401;
      return response.end('a bearer token is wanted\n');
    }
    response.end('mcp-gateway stand-in\n');
  }).listen(8811);
  process.on('SIGTERM', () => process.exit(0));
}
