import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { functionsIn } from './architecture/functions.js';
import { findings } from './architecture/rules.js';
import { importsOf, tokensOf } from './architecture/tokens.js';

const MOST_LINES_OF_FUNCTION = 60;

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

function sourcesOf(folder: string): { path: string; text: string }[] {
  return readdirSync(`${ROOT}${folder}`, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => `${entry.parentPath}/${entry.name}`.slice(ROOT.length).replaceAll('\\', '/'))
    .map((path) => ({ path, text: readFileSync(`${ROOT}${path}`, 'utf8') }));
}

test('the product keeps to the architecture', () => {
  const sources = sourcesOf('proxy');
  assert.ok(sources.some(({ path }) => path === 'proxy/core/policy.ts'));
  assert.deepEqual(findings(sources), []);
});

test('folders of one room that import each other are found, over a third one as well', () => {
  const sources = [
    { path: 'proxy/audit/a/one.ts', text: "import { b } from '../b/two.js';" },
    { path: 'proxy/audit/b/two.ts', text: "import type { C } from '../three.js';" },
    { path: 'proxy/audit/three.ts', text: "import { a } from './a/one.js';" },
  ];
  const circles = findings(sources).filter((finding) => finding.includes('in a circle'));
  assert.equal(circles.length, 3);
  assert.deepEqual(findings(sources.slice(0, 2)), []);
});

/** Who asks the table of special-purpose ranges alone, and why no configuration can change the answer. */
const WITHOUT_CONFIGURATION: Readonly<Record<string, string>> = {
  'proxy/core/special-purpose.ts': 'has it',
  'proxy/config/cluster.ts': 'a variable is read before the configuration is',
  'proxy/config/steer-scalars.ts': 'asks for what nothing opens, while the configuration is read',
  'proxy/decide/fields.ts': 'reads a spelling; what the network here makes of the address is seen to with the rules',
  'proxy/dns/peers.ts': 'asks for what nothing opens, of a neighbour on the link',
  'proxy/cli/firewall.ts': 'asks for what nothing opens, of an option',
  'proxy/cli/firewall-fence.ts': 'asks for metadata, of an option',
  'proxy/cli/suggest.ts': 'reads a log without a configuration beside it',
};

test('whoever asks what an address is says which ranges are private here', () => {
  const found = sourcesOf('proxy').filter(({ text }) => /\bTABLE_ALONE\b/.test(text));
  assert.deepEqual(found.map(({ path }) => path).sort(), Object.keys(WITHOUT_CONFIGURATION).sort());
});

test('no function is longer than 60 lines', () => {
  const sources = ['proxy', 'build', 'test'].flatMap(sourcesOf);
  const functions = functionsIn(sources);
  assert.ok(functions.some(({ path, name }) => path === 'proxy/app.ts' && name === 'createApp'));
  assert.deepEqual(
    functions.filter(({ lines }) => lines > MOST_LINES_OF_FUNCTION).map(({ path, line }) => `${path}:${line}`),
    [],
  );
});

test('functions of every form are measured, and those inside others', () => {
  const text = `function declared() {
  const arrow = () => {
    return 1;
  };
}
class A {
  constructor() {
  }
  get read() { return [
  ]; }
  #own = async () => ({
    method() {
    },
  });
}
const text = \`function no() {
}\`;`;
  assert.deepEqual(
    functionsIn([{ path: 'proxy/x.ts', text }]).map(({ line, lines }) => [line, lines]),
    [
      [1, 5],
      [2, 3],
      [7, 2],
      [9, 2],
      [11, 4],
      [12, 2],
    ],
  );
});

test('no test is longer than 300 lines', () => {
  const long = sourcesOf('test').filter(({ text }) => text.split('\n').length > 301);
  assert.deepEqual(
    long.map(({ path }) => path),
    [],
  );
});

/** Each sample breaks one rule; the checker is only worth its place if it says so. */
const BAD: readonly (readonly [rule: string, path: string, text: string, finding: RegExp])[] = [
  [
    'net outside of the dialer',
    'proxy/http/x.ts',
    "import net from 'node:net'; net.connect(80);",
    /uses connect of node:net/,
  ],
  [
    'net by another name',
    'proxy/http/x.ts',
    "import { connect as go } from 'net'; go(80);",
    /uses connect of node:net/,
  ],
  [
    'net as a namespace',
    'proxy/http/x.ts',
    "import * as n from 'node:net'; n.createConnection(80);",
    /createConnection/,
  ],
  [
    'net handed on',
    'proxy/http/x.ts',
    "import net from 'node:net'; const all = net; all.connect(80);",
    /uses \* of node:net/,
  ],
  ['net by brackets', 'proxy/http/x.ts', "import net from 'node:net'; net['connect'](80);", /uses \* of node:net/],
  ['net exported on', 'proxy/http/x.ts', "export { connect } from 'node:net';", /uses connect of node:net/],
  ['all of net exported on', 'proxy/http/x.ts', "export * from 'node:net';", /uses \* of node:net/],
  ['a new Socket', 'proxy/http/x.ts', "import { Socket } from 'node:net'; new Socket().connect(1);", /new Socket/],
  ['a new net.Socket', 'proxy/http/x.ts', "import net from 'node:net'; new net.Socket();", /new Socket/],
  ['a dynamic import', 'proxy/http/x.ts', "const net = await import('node:net');", /of node:net/],
  ['a computed import', 'proxy/http/x.ts', "const m = await import('node:' + 'net');", /no reader can know/],
  ['an import for effect', 'proxy/http/x.ts', "import 'node:dns';", /of node:dns/],
  ['dns outside of the resolver', 'proxy/http/x.ts', "import { lookup } from 'node:dns';", /uses lookup of node:dns/],
  ['dns in the resolver', 'proxy/net/resolver.ts', "import { promises } from 'node:dns';", /of node:dns/],
  ['dns/promises', 'proxy/net/dialer.ts', "import { resolve4 } from 'node:dns/promises';", /of node:dns\/promises/],
  ['tls outside of secure.ts', 'proxy/http/x.ts', "import tls from 'node:tls'; tls.connect({});", /of node:tls/],
  [
    'an http client',
    'proxy/http/x.ts',
    "import http from 'node:http'; http.request('http://a');",
    /uses request of node:http/,
  ],
  ['an https client', 'proxy/http/x.ts', "import { get } from 'node:https';", /of node:https/],
  ['undici without a dialer', 'proxy/http/x.ts', "import { request } from 'undici';", /uses request of undici/],
  ['a path inside of undici', 'proxy/http/x.ts', "import a from 'undici/lib/dispatcher/agent.js';", /of undici/],
  ['a module without an import', 'proxy/http/x.ts', "process.getBuiltinModule('net');", /uses getBuiltinModule/],
  ['UDP', 'proxy/net/x.ts', "import dgram from 'node:dgram'; dgram.createSocket('udp4');", /of node:dgram/],
  ['a child process', 'proxy/cli/x.ts', "import { spawn } from 'node:child_process';", /of node:child_process/],
  ['global fetch', 'proxy/http/x.ts', "await fetch('http://a');", /uses fetch/],
  ['global fetch by another name', 'proxy/http/x.ts', 'const go = fetch;', /uses fetch/],
  ['a global WebSocket', 'proxy/admin/x.ts', "new WebSocket('ws://a');", /uses WebSocket/],
  ['ipaddr.js elsewhere', 'proxy/config/x.ts', "import ipaddr from 'ipaddr.js';\nipaddr.parse('1');", /of ipaddr\.js/],
  ['zod elsewhere', 'proxy/http/x.ts', "import { z } from 'zod';", /of zod/],
  ['Node in core', 'proxy/core/x.ts', "import type { Socket } from 'node:net';", /core imports node:net/],
  ['core imports net', 'proxy/core/x.ts', "import type { Dialer } from '../net/dialer.js';", /imports upwards/],
  ['net imports a door', 'proxy/net/x.ts', "import { a } from '../http/server.js';", /imports upwards/],
  ['a door imports app', 'proxy/http/x.ts', "import { a } from '../app.js';", /imports upwards/],
  ['a folder on no floor', 'proxy/misc/x.ts', "import { a } from '../core/policy.js';", /is on no floor/],
  ['a door that uses another', 'proxy/socks/x.ts', "import { a } from '../http/connect.js';", /imports its neighbour/],
  [
    'what doors share imports one',
    'proxy/door/x.ts',
    "import type { A } from '../http/refusal.js';",
    /imports upwards/,
  ],
  ['the TLS screen imports a door', 'proxy/tls/x.ts', "import { a } from '../http/connect.js';", /imports upwards/],
  ['a cast to Permit', 'proxy/http/x.ts', 'const p = { target } as Permit;', /casts to Permit/],
  ['a double cast to Permit', 'proxy/http/x.ts', 'const p = x as unknown as Permit;', /casts to Permit/],
  ['an old cast to Permit', 'proxy/http/x.ts', 'const p = <Permit>x;', /casts to Permit/],
  ['a maker of Permits', 'proxy/net/x.ts', 'const ISSUING = Symbol(); new IssuedPermit(ISSUING);', /IssuedPermit/],
  [
    'module state',
    'proxy/net/x.ts',
    'const a = { b() { let c = 1; return c; } };\nlet count = 0;',
    /:2 has module-level/,
  ],
  ['exported module state', 'proxy/net/x.ts', 'export var count = 0;', /module-level/],
  ['any', 'proxy/net/x.ts', 'function f(x: any) { return x; }', /says any/],
  ['any in a list', 'proxy/net/x.ts', 'const x: Array<any> = [];', /says any/],
  ['host:port by hand', 'proxy/net/x.ts', 'const at = `${to.host}:${to.port}`;', /makes host:port by hand/],
  ['a long file', 'proxy/net/x.ts', '// x\n'.repeat(251), /longer than 250 lines/],
];

for (const [rule, path, text, finding] of BAD) {
  test(`the checker finds ${rule}`, () => {
    assert.match(findings([{ path, text }]).join('\n'), finding);
  });
}

const GOOD: readonly (readonly [why: string, path: string, text: string])[] = [
  ['a type of net', 'proxy/http/x.ts', "import type { Socket } from 'node:net';"],
  ['an inline type of net', 'proxy/http/x.ts', "import { type Socket } from 'node:net';"],
  ['a listener', 'proxy/steer/x.ts', "import net, { type Socket } from 'node:net'; net.createServer();"],
  ['instanceof Socket', 'proxy/http/x.ts', "import { Socket } from 'node:net'; a instanceof Socket;"],
  ['the dialer', 'proxy/net/dialer.ts', "import net from 'node:net'; net.connect({});"],
  [
    'the sockets of the resolver',
    'proxy/net/dns-socket.ts',
    "import dgram from 'node:dgram'; dgram.createSocket('udp4');",
  ],
  [
    'what the system says',
    'proxy/net/resolv-conf.ts',
    "import { Resolver } from 'node:dns'; new Resolver().getServers();",
  ],
  ['words in comments', 'proxy/http/x.ts', "// import net from 'node:net'\n/* x as Permit; let a: any */"],
  [
    'words in texts',
    'proxy/http/x.ts',
    `const a = "fetch(1)"; const b = \`x as Permit \${a} import(1)\`; const c = /let any/;`,
  ],
  ['members named like globals', 'proxy/http/x.ts', 'pool.fetch(1); AbortSignal.any([]);'],
  [
    'let in a function',
    'proxy/http/x.ts',
    'export function f() { let a = 1; for (let b = 0; b < 1; b++) a += b; return a; }',
  ],
  ['a generic of Permit', 'proxy/http/x.ts', 'const p: Promise<Permit> = f();'],
];

for (const [why, path, text] of GOOD) {
  test(`the checker has nothing against ${why}`, () => {
    assert.deepEqual(findings([{ path, text }]), []);
  });
}

test('the checker reads every form of import', () => {
  const text = "import a, { b as c, type D } from 'm1'; import type { E } from 'm2'; export * as f from 'm3';";
  const imports = importsOf(tokensOf(text));
  assert.deepEqual(
    imports.map(({ module, typeOnly, names }) => [module, typeOnly, names.map(({ imported }) => imported).join()]),
    [
      ['m1', false, 'default,b'],
      ['m2', true, ''],
      ['m3', false, '*'],
    ],
  );
});
