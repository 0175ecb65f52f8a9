// Stands in for docker/mcp-gateway: every call starts a tool's container over docker.sock, with the flags of the real one (v0.43).
//   POST /call {"server": NAME, "arguments": [..], "stdin": TEXT}  ->  {"exitCode", "stdout", "stderr"}
//   GET /events?count=N&every=MS                                    ->  server-sent events, as an MCP client keeps open
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { hostname } from 'node:os';
import { text } from 'node:stream/consumers';

const catalog = JSON.parse(readFileSync(process.env.GATEWAY_CATALOG ?? 'catalog.json', 'utf8'));

// Some engines are packaged without docker-init.
const init =
  spawnSync('docker', ['run', '--rm', '--init', '--network', 'none', '--pull', 'never', catalog.fetch.image, 'true'])
    .status === 0
    ? '--init'
    : '';

const server = createServer((request, response) => {
  handle(request, response).catch((error) => {
    response.statusCode = 500;
    response.end(`${error.message}\n`);
  });
});
server.requestTimeout = 0;
server.listen(8811);
process.on('SIGTERM', () => process.exit(0));

async function handle(request, response) {
  const url = new URL(request.url, 'http://gateway');
  if (request.method === 'POST' && url.pathname === '/call') return call(request, response);
  if (url.pathname === '/events') return events(url.searchParams, response);
  response.end('mcp-gateway stand-in\n');
}

async function call(request, response) {
  const { server: name, arguments: extra = [], stdin = '' } = JSON.parse(await text(request));
  const entry = catalog[name];
  if (entry === undefined) throw new Error(`no server named ${name}`);
  const run = spawn('docker', dockerRun(name, entry, extra.map(String)));
  run.stdin.on('error', () => {});
  run.stdin.end(stdin);
  const ended = new Promise((resolve) => run.on('close', resolve));
  const [stdout, stderr, exitCode] = await Promise.all([text(run.stdout), text(run.stderr), ended]);
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ exitCode, stdout, stderr }));
}

function dockerRun(name, { image, command = [], env = {} }, extra) {
  // Its own networks, as the real one: "not found", which the spawn guard answers, means none.
  const inspect = ['container', 'inspect', hostname(), '--format', '{{json .NetworkSettings.Networks}}'];
  const { status, stdout } = spawnSync('docker', inspect, { encoding: 'utf8' });
  const networks = status === 0 ? JSON.parse(stdout) : {};
  return [
    ...`run --rm -i ${init} --security-opt no-new-privileges --cpus 1 --memory 2Gb --pull never`.split(/ +/),
    ...['-l', 'docker-mcp=true', '-l', `docker-mcp-name=${name}`],
    ...Object.keys(networks).flatMap((network) => ['--network', network]),
    ...Object.entries(env).flatMap(([key, value]) => ['-e', `${key}=${value}`]),
    image,
    ...command,
    ...extra,
  ];
}

function events(parameters, response) {
  const count = Number(parameters.get('count') ?? 10);
  response.setHeader('content-type', 'text/event-stream');
  let sent = 0;
  const timer = setInterval(
    () => {
      response.write(`data: ${++sent}\n\n`);
      if (sent < count) return;
      clearInterval(timer);
      response.end();
    },
    Number(parameters.get('every') ?? 1000),
  );
  response.on('close', () => clearInterval(timer));
}
