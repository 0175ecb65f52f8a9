import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encode } from 'dns-packet';
import { probeCommand } from '../../proxy/cli/probe.js';
import { parseProxyUrl, readSeat, type Seat } from '../../proxy/probe/container.js';
import { questionBytes, readReply } from '../../proxy/probe/dns.js';
import { judge, judgeVariables, seatNotes } from '../../proxy/probe/judge.js';
import { mcpRequest, readMcpAnswer } from '../../proxy/probe/mcp.js';
import { withoutNeighbours } from '../../proxy/probe/neighbours.js';
import { planTries } from '../../proxy/probe/plan.js';
import { readRefusal, requestText } from '../../proxy/probe/proxy.js';
import { renderTable } from '../../proxy/probe/table.js';
import type { Area, Sight, State } from '../../proxy/probe/try.js';
import { runCommand } from '../cli/run-command.js';

const ROUTES = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
`;
const STATUS = 'Name:\tnode\nCapEff:\t00000000a80425fb\n';
const OPTIONS = { publicTargets: [], targets: [], zone: 'example.com' };

function seatOf(
  env: NodeJS.ProcessEnv,
  files = { routes: '', routes6: '', resolvConf: 'nameserver 127.0.0.11\n', status: '' },
): Seat {
  const family = 'IPv4' as const;
  const eth0 = { address: '172.31.250.3', netmask: '255.255.255.0', family, mac: '', internal: false, cidr: null };
  const lo = { address: '127.0.0.1', netmask: '255.0.0.0', family, mac: '', internal: true, cidr: null };
  return readSeat(env, { lo: [lo], eth0: [eth0] }, files);
}

test('the seat names the bridge of its own subnet and every next hop', () => {
  const seat = seatOf({}, { routes: ROUTES, routes6: '', resolvConf: 'nameserver 127.0.0.11\n', status: STATUS });
  assert.deepEqual(seat.bridges, ['172.31.250.1', '172.17.0.1']);
  assert.deepEqual(seat.addresses, ['172.31.250.3']);
  assert.deepEqual([seat.hasDefaultRoute, seat.canForgePackets], [true, true]);
});

test('an address that Docker gave to a container of the same network is no bridge, and a name from elsewhere proves nothing', async () => {
  const names: Record<string, readonly string[]> = {
    '172.31.250.3': ['tool.tools'],
    '172.31.250.1': ['quirky_bose.tools'],
    '172.17.0.1': ['quirky_bose.tools'],
  };
  const seat = seatOf({}, { routes: ROUTES, routes6: '', resolvConf: '', status: '' });
  const bridges = async () => (await withoutNeighbours(seat, async (address) => names[address] ?? [])).bridges;
  assert.deepEqual(await bridges(), ['172.17.0.1'], 'a next hop is the host, whatever it is called');
  for (const other of ['_gateway', 'host.home.arpa', 'quirky_bose', 'x.othertools']) {
    names['172.31.250.1'] = [other];
    assert.deepEqual(await bridges(), ['172.31.250.1', '172.17.0.1'], other);
  }
});

test('a gateway that asks for a token is closed, and one that serves anybody is reported', () => {
  assert.deepEqual(readMcpAnswer('HTTP/1.1 401 Unauthorized\r\n\r\n').sight, 'denied');
  assert.deepEqual(readMcpAnswer('HTTP/1.1 200 OK\r\n\r\n').sight, 'answered');
  assert.deepEqual(readMcpAnswer('').sight, 'denied');
  assert.match(mcpRequest('mcp-gateway:8811'), /^POST \/mcp HTTP\/1\.1\r\nHost: mcp-gateway:8811\r\n/);
  const to = { host: 'mcp-gateway', port: 8811 };
  const stateOf = (area: Area, sight: Sight): State => {
    return judge({ area, way: { kind: 'mcp', to } }, { sight, detail: '' }).state;
  };
  assert.equal(stateOf('gateway', 'answered'), 'note');
  assert.match(
    judge({ area: 'gateway', way: { kind: 'mcp', to } }, { sight: 'answered', detail: '' }).meaning ?? '',
    /every other tool/,
  );
  assert.equal(stateOf('relay', 'answered'), 'open');
  for (const sight of ['denied', 'reset', 'silent', 'no-name', 'no-route'] as const) {
    assert.deepEqual([stateOf('gateway', sight), stateOf('relay', sight)], ['closed', 'closed'], sight);
  }
});

test('a network without a way out has no default route, and dropped capabilities forge nothing', () => {
  const files = {
    routes: ROUTES.replace(/^eth0\t0{8}.*\n/m, ''),
    routes6: '',
    resolvConf: '',
    status: 'CapEff:\t0000000000000000\n',
  };
  const seat = seatOf({}, files);
  assert.deepEqual([seat.hasDefaultRoute, seat.canForgePackets], [false, false]);
  assert.deepEqual(seatNotes(seat), []);
});

test('a capability that only root would have here is a note of its own', () => {
  const status = 'CapEff:\t0000000000000000\nCapBnd:\t00000000a80425fb\n';
  const notes = seatNotes(seatOf({}, { routes: '', routes6: '', resolvConf: '', status }));
  assert.deepEqual(
    notes.map(({ tried, saw }) => [tried, saw]),
    [['CAP_NET_RAW', 'not held by this user, but by root']],
  );
  assert.deepEqual(
    seatNotes(seatOf({}), []).map(({ tried, state }) => [tried, state]),
    [['addresses of the host', 'note']],
  );
});

test('a proxy URL is read with its credentials, and only with a scheme', () => {
  assert.deepEqual(parseProxyUrl('http://github:s%20t@egress-proxy:3128'), {
    host: 'egress-proxy',
    port: 3128,
    authorization: `Basic ${Buffer.from('github:s t').toString('base64')}`,
  });
  assert.equal(parseProxyUrl('http://[fd00::1]:3128')?.host, 'fd00::1');
  for (const bad of [
    '',
    'egress-proxy:3128',
    'https://egress-proxy:3128',
    'socks5://a:1',
    'http://',
    'http://a:99999',
  ]) {
    assert.equal(parseProxyUrl(bad), null, bad);
  }
});

test('the plan tries each way out from the seat, and never the seat itself', () => {
  const plan = planTries(seatOf({ DOCKER_HOST: 'tcp://docker:2375' }), OPTIONS, () => 'r4nd0m');
  const areas = new Set(plan.map(({ area }) => area));
  const wanted: Area[] = [
    'proxy',
    'public',
    'private',
    'host',
    'stack',
    'dns',
    'names',
    'metadata',
    'ipv6',
    'udp',
    'icmp',
  ];
  for (const area of [...wanted, 'admin', 'docker-socket', 'through-proxy'] as const) assert.ok(areas.has(area), area);
  const tcp = plan.flatMap(({ way }) => (way.kind === 'tcp' ? [`${way.to.host}:${way.to.port}`] : []));
  assert.ok(tcp.includes('172.31.250.1:8811') && tcp.includes('docker:2375') && tcp.includes('169.254.169.254:80'));
  assert.ok(!tcp.some((target) => target.startsWith('172.31.250.3:')));
  assert.ok(plan.length < 120, `a few packets each: ${plan.length}`);
});

test('own public targets take the place of the well-known ones in every protocol', () => {
  const options = { ...OPTIONS, publicTargets: [{ host: '45.45.45.45', port: 80 }] };
  const plan = JSON.stringify(planTries(seatOf({}), options, () => 'x'));
  assert.ok(plan.includes('45.45.45.45') && !plan.includes('1.1.1.1') && !plan.includes('8.8.8.8'));
});

test('every name that is asked for is a new one', () => {
  let count = 0;
  const plan = planTries(seatOf({}), { ...OPTIONS, zone: 'z.test' }, () => `n${++count}`);
  const names = plan.flatMap(({ way }) => (way.kind === 'query' ? [way.name] : []));
  assert.deepEqual(names, ['n1.z.test', 'n2.z.test']);
});

const STATES: readonly (readonly [Area, Sight, State])[] = [
  ['public', 'answered', 'open'],
  ['host', 'reset', 'open'],
  ['through-proxy', 'dialed', 'open'],
  ['public', 'silent', 'closed'],
  ['metadata', 'no-route', 'closed'],
  ['stack', 'steered', 'closed'],
  ['through-proxy', 'denied', 'closed'],
  ['names', 'inside', 'closed'],
  ['docker-socket', 'absent', 'closed'],
  ['icmp', 'not-tried', 'skipped'],
  ['admin', 'answered', 'open'],
  ['admin', 'reset', 'closed'],
  ['proxy', 'answered', 'ok'],
  ['proxy', 'reset', 'wrong'],
  ['proxy', 'no-name', 'wrong'],
];
for (const [area, sight, state] of STATES) {
  test(`${area}: what was ${sight} is ${state}`, () => {
    const finding = judge({ area, way: { kind: 'ping', address: '192.0.2.1' } }, { sight, detail: '' });
    assert.equal(finding.state, state);
    const told = state === 'open' || state === 'wrong';
    assert.equal(finding.remedy !== null && finding.remedy !== '', told);
  });
}

const GOOD = 'http://egress-proxy:3128';
const ALL_SIX = {
  HTTP_PROXY: GOOD,
  HTTPS_PROXY: GOOD,
  NO_PROXY: 'localhost, 127.0.0.1,::1',
  http_proxy: GOOD,
  https_proxy: GOOD,
  no_proxy: 'localhost',
};

test('six proxy variables with a scheme are as they have to be', () => {
  assert.deepEqual(new Set(judgeVariables(ALL_SIX, false).map(({ state }) => state)), new Set(['ok']));
});

test('a variable that is missing, has no scheme or exempts more than loopback is wrong, and no value is shown', () => {
  const cases: [string, string][] = [
    ['HTTP_PROXY', ''],
    ['https_proxy', 'egress-proxy:3128'],
    ['HTTPS_PROXY', 'socks5://user:s3cret@egress-proxy:1080'],
    ['NO_PROXY', 'localhost,.internal'],
    ['no_proxy', '*'],
  ];
  for (const [name, value] of cases) {
    const wrong = judgeVariables({ ...ALL_SIX, [name]: value }, true).filter(({ state }) => state !== 'ok');
    assert.deepEqual(
      wrong.map(({ tried, state }) => [tried, state]),
      [[name, 'wrong']],
    );
    assert.ok(!JSON.stringify(wrong).includes('s3cret'));
  }
});

test('no proxy variable at all is fine where names lead to the proxy, and wrong elsewhere', () => {
  assert.ok(judgeVariables({}, true).every(({ state }) => state === 'note'));
  assert.ok(judgeVariables({}, false).every(({ state }) => state === 'wrong'));
});

const A = { type: 'A', name: 'x.example.com', ttl: 1 } as const;
test('only an answer from outside shows that names get out', () => {
  const reply = (flags: number, data: string[], soa = false): Uint8Array =>
    encode({
      type: 'response',
      id: 1,
      flags,
      questions: [{ type: 'A', name: 'x.example.com' }],
      answers: data.map((address) => ({ ...A, data: address })),
      authorities: soa ? [{ ...A, data: '45.45.45.46' }] : [],
    });
  const seen = (bytes: Uint8Array): Sight => readReply(bytes, ['172.31.250.250']).sight;
  assert.equal(seen(reply(2, [])), 'inside', 'SERVFAIL');
  assert.equal(seen(reply(5, [])), 'inside', 'REFUSED');
  assert.equal(seen(reply(0, [])), 'inside', 'empty');
  assert.equal(seen(reply(0, ['172.31.250.250'])), 'steered');
  assert.equal(seen(reply(0, ['172.31.250.250', '45.45.45.45'])), 'answered');
  assert.equal(seen(reply(0, ['45.45.45.45'])), 'answered');
  assert.equal(seen(reply(0, [], true)), 'answered', 'no data, from who has the zone');
  assert.equal(seen(reply(3, [])), 'answered', 'NXDOMAIN');
  assert.equal(seen(new Uint8Array([1, 2, 3])), 'answered', 'garbage came from somewhere');
  assert.ok(questionBytes('a.example.com', 'TXT').length > 12);
});

const DENIED =
  'HTTP/1.1 403 Forbidden\r\nProxy-Status: mcp-egress-proxy; error=x; details="address-prohibited"\r\n\r\n';
const REFUSALS: readonly (readonly [string, 'CONNECT' | 'GET', Sight])[] = [
  [DENIED, 'CONNECT', 'denied'],
  [DENIED, 'GET', 'denied'],
  ['HTTP/1.1 200 OK\r\n\r\n', 'CONNECT', 'answered'],
  ['HTTP/1.1 200 OK\r\n\r\n', 'GET', 'answered'],
  ['HTTP/1.1 403 Forbidden\r\n\r\n', 'CONNECT', 'denied'],
  ['HTTP/1.1 403 Forbidden\r\n\r\n', 'GET', 'answered'],
  ['HTTP/1.1 407 Who\r\n\r\n', 'GET', 'denied'],
  ['HTTP/1.1 502 Bad\r\nProxy-Status: p; details="connect-refused"\r\n\r\n', 'CONNECT', 'dialed'],
  ['HTTP/1.1 502 Bad\r\nProxy-Status: p; details="name-not-found"\r\n\r\n', 'CONNECT', 'denied'],
  ['HTTP/1.1 504 Late\r\n\r\n', 'CONNECT', 'dialed'],
  ['', 'CONNECT', 'denied'],
];
for (const [head, method, sight] of REFUSALS) {
  test(`${method} answered with ${JSON.stringify(head.split('\r\n')[0])} was ${sight}`, () => {
    assert.equal(readRefusal(head, method).sight, sight);
  });
}

test('a request to the proxy has a Host of the target and the credentials of the proxy URL', () => {
  const text = requestText('GET', 'http://169.254.169.254/', 'Basic eA==');
  assert.match(
    text,
    /^GET http:\/\/169\.254\.169\.254\/ HTTP\/1\.1\r\nHost: 169\.254\.169\.254\r\nProxy-Authorization: Basic eA==\r\n/,
  );
  assert.match(
    requestText('CONNECT', '[::1]:9180', null),
    /^CONNECT \[::1\]:9180 HTTP\/1\.1\r\nHost: \[::1\]:9180\r\nConnection/,
  );
});

test('the table says what an open way means and how to close it, once for many', () => {
  const way = (address: string) => ({ area: 'host', way: { kind: 'ping', address } }) as const;
  const findings = ['172.17.0.1', '172.18.0.1'].map((at) => judge(way(at), { sight: 'reset', detail: '' }));
  const table = renderTable(findings);
  assert.equal(table.match(/inhibit_ipv4/g)?.length, 1);
  assert.match(table, /seen with: ping 172\.17\.0\.1, ping 172\.18\.0\.1/);
  assert.match(table, /2 of 2 ways out are OPEN\.\n$/);
});

test('wrong arguments end with 2 and the usage, and touch no network', async () => {
  for (const argv of [['--nope'], ['--target', 'x'], ['--public', 'name:80'], ['--target', 'x:0'], ['extra']]) {
    const { code, out, err } = await runCommand(probeCommand, argv);
    assert.deepEqual([code, out], [2, ''], argv.join(' '));
    assert.match(err, /^probe: .*\nusage: egress-proxy probe/s);
  }
});
