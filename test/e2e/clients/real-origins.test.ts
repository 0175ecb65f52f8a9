/** Clients and origins as they are: what libraries expect of each other, and do not get. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { startRawOrigin } from '../../http/raw-origin.js';
import { type ProxyProcess, startProxyProcess } from './proxy-process.js';

const run = promisify(execFile);
const PATIENCE = { timeout: 600_000 };
const PROGRAMS = join(import.meta.dirname, '../../../../test/e2e/clients/programs');
const MIB = 1024 * 1024;

let folder: string;
let proxy: ProxyProcess;
let python: ChildProcess;
let pythonOrigin: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'egress-origins-'));
  python = spawn('python3', [join(PROGRAMS, 'origin.py')], { stdio: ['ignore', 'pipe', 'inherit'] });
  if (python.stdout === null) throw new Error('no output');
  const [port] = await once(createInterface({ input: python.stdout }), 'line');
  pythonOrigin = `http://127.0.0.1:${port}/`;
  await writeFile(join(folder, 'upload'), Buffer.alloc(2 * MIB, 'x'));
  proxy = await startProxyProcess(join(folder, 'policy.yaml'), {
    version: 1,
    listen: { proxy: '127.0.0.1:0', admin: 'off' },
    policy: { default: 'none', internal: [{ address: '127.0.0.1/32', ports: ['1-65535'] }] },
  });
}, PATIENCE);

after(async () => {
  await proxy.stop();
  python.kill();
  await rm(folder, { recursive: true });
});

async function curl(...args: readonly string[]): Promise<string> {
  return (await run('curl', ['--silent', '--show-error', '--max-time', '30', '--proxy', proxy.url, ...args])).stdout;
}

async function upload(url: string, how: 'whole' | 'chunked' | 'wait', octets: number): Promise<string> {
  return (await run('python3', [join(PROGRAMS, 'upload.py'), proxy.url, url, how, String(octets)])).stdout;
}

test('curl uploads 2 MB to an origin that never says 100', PATIENCE, async () => {
  const upload = `@${join(folder, 'upload')}`;
  for (const _ of [1, 2])
    assert.equal(await curl('-H', 'Expect: 100-continue', '--data-binary', upload, pythonOrigin), `got ${2 * MIB}`);
});

test('a client that waits as botocore does uploads to it, too', PATIENCE, async () => {
  assert.match(await upload(pythonOrigin, 'wait', MIB), new RegExp(`got ${MIB}`));
});

test('.NET HttpClient with ExpectContinue uploads to it', PATIENCE, async () => {
  const project = join(folder, 'dotnet');
  await cp(join(PROGRAMS, 'dotnet'), project, { recursive: true });
  const env = { ...process.env, DOTNET_CLI_TELEMETRY_OPTOUT: '1', DOTNET_NOLOGO: '1' };
  await run('dotnet', ['build', '--verbosity', 'quiet', '--output', join(project, 'out')], { cwd: project, env });
  const args = [join(project, 'out', 'upload.dll'), proxy.url, pythonOrigin, String(2 * MIB)];
  assert.equal((await run('dotnet', args, { env })).stdout.trim(), `200 got ${2 * MIB}`);
});

test('requests reads the 413 of an origin that answers at the head and ends its side', PATIENCE, async () => {
  const origin = await startRawOrigin((socket) => {
    if (!socket.writableEnded) socket.end('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno');
  });
  for (const how of ['whole', 'chunked'] as const)
    assert.match(await upload(`http://${origin.authority}/`, how, 30 * MIB), /^413 Too Large no/);
  await origin.close();
});

test('requests and curl read the refusal of an upload of 30 MB', PATIENCE, async () => {
  for (const how of ['whole', 'chunked'] as const)
    assert.match(await upload('http://10.0.0.1/', how, 30 * MIB), /^403 Egress denied: address-prohibited/);
  const chunked = ['-H', 'Transfer-Encoding: chunked', '-H', 'Expect:', '--data-binary', `@${join(folder, 'upload')}`];
  assert.match(await curl('--include', ...chunked, 'http://10.0.0.1/'), /^HTTP\/1\.1 403 Egress denied/);
});

test('after curl --ntlm nobody else of the same address is answered as its user', PATIENCE, async () => {
  const users = new WeakMap<Socket, string>();
  const origin = http.createServer((request, response) => {
    const { authorization = '' } = request.headers;
    const [, message = ''] = /^NTLM (\S+)$/.exec(authorization) ?? [];
    const type = message === '' ? 0 : Buffer.from(message, 'base64').readUInt8(8);
    if (type === 3) users.set(request.socket, 'carl');
    request.resume().on('end', () => {
      const user = users.get(request.socket);
      if (user === undefined)
        response.writeHead(401, { 'WWW-Authenticate': type === 1 ? `NTLM ${CHALLENGE}` : 'NTLM' });
      response.end(user === undefined ? 'who?' : `hello ${user}`);
    });
  });
  origin.listen(0, '127.0.0.1');
  await once(origin, 'listening');
  const at = origin.address();
  if (at === null || typeof at === 'string') throw new Error('no port');
  const url = `http://127.0.0.1:${at.port}/`;
  const ntlm = ['--ntlm', '--user', 'carl:pw'];
  assert.equal(await curl(...ntlm, url), 'hello carl');
  assert.equal(await curl(url), 'who?');
  assert.equal(
    await curl(...ntlm, '-H', 'Expect: 100-continue', '--data-binary', `@${join(folder, 'upload')}`, url),
    'hello carl',
  );
  assert.equal(await curl(url), 'who?');
  origin.closeAllConnections();
  origin.close();
});

/** An NTLM challenge (type 2) without a target name. */
const CHALLENGE = Buffer.concat([
  Buffer.from('NTLMSSP\0\x02\0\0\0\0\0\0\0\x30\0\0\0', 'latin1'),
  Buffer.from('0582008001234567890abcde', 'hex'),
  Buffer.alloc(16),
]).toString('base64');

test('450 requests of curl to an origin that closes idle connections get 450 answers', PATIENCE, async () => {
  const origin = http.createServer((_request, response) => response.end('x'));
  origin.keepAliveTimeout = 20;
  origin.listen(0, '127.0.0.1');
  await once(origin, 'listening');
  const at = origin.address();
  if (at === null || typeof at === 'string') throw new Error('no port');
  const urls = Array.from({ length: 450 }, (_, i) => `http://127.0.0.1:${at.port}/${i}`);
  assert.equal((await curl('--rate', '3000/m', ...urls)).length, 450);
  origin.close();
});
