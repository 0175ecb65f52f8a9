import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { type RunOptions, tryDocker, until } from './docker.js';
import { BASE_ARGS, guarded, IMAGE, type Lab, NETWORK, openLab } from './guard-lab.js';

let lab: Lab;

before(async () => {
  lab = await openLab();
});
after(() => lab.close());

const base = (server: string): string[] => [...BASE_ARGS.split(' '), '-l', `docker-mcp-name=${server}`];

interface Run {
  readonly name: string;
  readonly args: readonly string[];
  readonly options?: RunOptions;
  readonly stdout: RegExp;
  readonly code?: number;
}

/** The command lines of a gateway, each unmodified. */
const RUNS: readonly Run[] = [
  {
    name: 'standard input, closed',
    args: [...base('fetch'), IMAGE, 'cat'],
    options: { input: 'hello' },
    stdout: /^hello$/,
  },
  { name: 'one network', args: [...base('fetch'), '--network', NETWORK, IMAGE, 'echo', 'on'], stdout: /^on$/m },
  {
    name: 'two networks',
    args: [...base('fetch'), '--network', NETWORK, '--network', 'other', IMAGE, 'echo', 'on'],
    stdout: /^on$/m,
  },
  {
    name: 'a resolver of its own',
    args: [...base('fetch'), '--dns', '8.8.8.8', IMAGE, 'cat', '/etc/resolv.conf'],
    stdout: /^(?!.*8\.8\.8\.8).*127\.0\.0\.11/s,
  },
  {
    name: 'no network',
    args: [...base('fetch'), '--network', 'none', IMAGE, 'sh', '-c', 'ls /sys/class/net'],
    stdout: /^lo\n$/,
  },
  {
    name: 'a server without a network',
    args: [...base('offline'), '--network', NETWORK, IMAGE, 'ls', '/sys/class/net'],
    stdout: /^lo\n$/,
  },
  {
    name: 'a secret from the environment',
    args: [...base('fetch'), '-e', 'SECRET', '-e', 'UNSET_ONE', IMAGE, 'sh', '-c', 'echo $SECRET'],
    options: { env: { SECRET: 's3' } },
    stdout: /^s3\n$/,
  },
  { name: 'a user', args: [...base('fetch'), '-u', '1000:1000', IMAGE, 'id', '-u'], stdout: /^1000\n$/ },
  {
    name: 'an exact bind, read-only',
    args: [...base('files'), '-v', 'PROJECT:/p', IMAGE, 'sh', '-c', 'cat /p/file; touch /p/x 2>&1'],
    stdout: /^kept\n.*Read-only/,
    code: 1,
  },
  {
    name: 'a bind that may be written',
    args: [...base('writer'), '-v', 'PROJECT:/p', IMAGE, 'touch', '/p/y'],
    stdout: /^$/,
  },
  {
    name: 'a named volume',
    args: [...base('memory'), '-v', 'egress-guard-lab-memory:/m', IMAGE, 'sh', '-c', 'echo 1 >> /m/n; cat /m/n'],
    stdout: /^1\n$/,
  },
  {
    name: 'a pseudo-terminal',
    args: [...base('fetch').filter((flag) => flag !== '-i'), '-t', IMAGE, 'tty'],
    stdout: /^\/dev\/pts\/0\r\n$/,
  },
  { name: 'an exit code', args: [...base('fetch'), IMAGE, 'sh', '-c', 'exit 7'], stdout: /^$/, code: 7 },
  { name: 'an interceptor, without labels', args: ['run', '--rm', '--init', IMAGE, 'echo', 'in'], stdout: /^in\n$/ },
];

for (const { name, args, options, stdout, code = 0 } of RUNS) {
  test(`docker run works unmodified: ${name}`, async () => {
    const outcome = await lab.cli(
      args.map((word) => word.replace('PROJECT', lab.project)),
      options,
    );
    assert.equal(outcome.code, code, outcome.stderr);
    assert.match(outcome.stdout, stdout);
    assert.deepEqual(await guarded(), []);
    await until('its address is free', async () => lab.leases().length === 0);
  });
}

const REFUSED: readonly (readonly [name: string, args: readonly string[], says: RegExp])[] = [
  ['privileged', ['--privileged'], /HostConfig\.Privileged is refused/],
  ['a host path', ['-v', '/:/h'], /the host path "\/" is not listed/],
  ['the API socket', ['-v', '/var/run/docker.sock:/var/run/docker.sock'], /is not listed/],
  ['another volume', ['-v', 'other:/h'], /the volume "other" is not listed/],
  ['the network of the host', ['--network', 'host'], /its own network only/],
  ['a device', ['--device', '/dev/null'], /HostConfig\.Devices is refused/],
  ['a capability', ['--cap-add', 'NET_RAW'], /HostConfig\.CapAdd is refused/],
  ['a log driver', ['--log-driver', 'syslog'], /HostConfig\.LogConfig\.Type is refused/],
];

for (const [name, flags, says] of REFUSED) {
  test(`docker run with ${name} is refused in words`, async () => {
    const { code, stderr } = await lab.cli([...base('fetch'), ...flags, IMAGE, 'true']);
    assert.equal(code, 125);
    assert.match(stderr, says);
    assert.deepEqual(await guarded(), []);
  });
}

test('a tool has no capability, no new privileges, and cannot open a raw socket', async () => {
  const script =
    'grep -E "^(Cap|NoNew)" /proc/self/status; python3 -c "import socket as s; s.socket(s.AF_PACKET, s.SOCK_RAW)" 2>&1 | tail -1';
  const { stdout } = await lab.cli([...base('fetch'), IMAGE, 'sh', '-c', script]);
  assert.match(stdout, /^(?:Cap\w+:\t0{16}\n){5}NoNewPrivs:\t1\nPermissionError/);
});

test('twenty at once all run, each with an address of its own', async () => {
  const runs = Array.from({ length: 20 }, (_, i) =>
    lab.cli([...base('fetch'), IMAGE, 'sh', '-c', `cat > /dev/null; hostname -I; echo ${i}`], { input: 'x' }),
  );
  const outcomes = await Promise.all(runs);
  assert.deepEqual(
    outcomes.map(({ code, stderr }) => [code, stderr]).filter(([code]) => code !== 0),
    [],
  );
  const addresses = outcomes.map(({ stdout }) => stdout.split(/\s/)[0]);
  assert.equal(new Set(addresses).size, 20);
  assert.deepEqual(await guarded(), []);
});

async function running(command: readonly string[]) {
  const cli = lab.spawnCli([...base('fetch'), IMAGE, ...command]);
  const exited = once(cli, 'exit');
  cli.stdin?.write('ready\n');
  if (cli.stdout !== null) await once(cli.stdout, 'data');
  return { cli, exited };
}

test('SIGTERM of the CLI ends the tool', async () => {
  const { cli, exited } = await running(['cat']);
  cli.kill('SIGTERM');
  const [code] = await exited;
  assert.equal(code, 143);
  await until('nothing is left', async () => (await guarded()).length === 0);
});

test('SIGKILL of the CLI ends the tool, also one that does not care for its input', async () => {
  for (const command of [['cat'], ['sh', '-c', 'trap "" TERM HUP; echo up; while :; do sleep 1; done']]) {
    const { cli, exited } = await running(command);
    cli.kill('SIGKILL');
    await exited;
    await until('nothing is left', async () => (await guarded()).length === 0);
    await until('its address is free', async () => lab.leases().length === 0);
  }
});

test('a tool that is created and never started is gone after the guard was killed and came back', async () => {
  const body = JSON.stringify({ Image: IMAGE, Cmd: ['cat'], OpenStdin: true, AttachStdin: true });
  const head = `POST /v1.45/containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  assert.match(await lab.raw(`${head}${body}`), /^HTTP\/1\.1 201 /);
  await lab.stop('SIGKILL');
  assert.equal((await guarded()).length, 1);
  await lab.start();
  await until('it is gone', async () => (await guarded()).length === 0);
});

test('a tool that runs while the guard is killed keeps its lease, and ends with its client', async () => {
  const { exited } = await running(['sh', '-c', 'echo up; while :; do sleep 1; done']);
  const [lease] = lab.leases();
  await lab.stop('SIGKILL');
  await exited;
  await lab.start();
  assert.deepEqual(lab.leases(), [lease]);
  await until('nothing is left', async () => (await guarded()).length === 0);
  const { code } = await lab.cli([...base('writer'), IMAGE, 'true']);
  assert.equal(code, 0);
  const addresses = lab.records().map(({ address }) => address);
  assert.notEqual(addresses.at(-1), lease?.address);
});

test('nothing of the engine is in reach by the CLI', async () => {
  const other = await tryDocker([
    'run',
    '--detach',
    '--rm',
    '--name',
    'egress-guard-lab-other',
    '-e',
    'SECRET=s3',
    IMAGE,
    'sleep',
    '60',
  ]);
  const id = other.stdout.trim();
  for (const args of [
    ['exec', id, 'id'],
    ['inspect', id],
    ['logs', id],
    ['cp', `${id}:/etc/passwd`, '-'],
    ['rm', '-f', id],
    ['kill', id],
    ['commit', id],
    ['ps'],
    ['images'],
    ['info', '--format', '{{.Name}}'],
    ['network', 'ls'],
    ['volume', 'ls'],
    ['volume', 'create', 'x'],
    ['network', 'connect', NETWORK, id],
    ['export', id],
    ['stats', '--no-stream', id],
    ['top', id],
    ['rename', id, 'x'],
    ['update', '--memory', '1g', id],
    ['pull', 'busybox'],
    ['system', 'df'],
    ['build', '-'],
    ['load'],
    ['login', '-u', 'a', '-p', 'b'],
  ]) {
    const { code, stdout } = await lab.cli(args);
    assert.notEqual(code === 0 && stdout.trim() !== '' && stdout.trim() !== '[]', true, `${args.join(' ')}: ${stdout}`);
  }
  await tryDocker(['rm', '-f', id]);
});
