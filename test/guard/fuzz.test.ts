import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalRequest } from '../../proxy/guard/canonical.js';
import { readCreateRequest } from '../../proxy/guard/create-request.js';
import { CONFIG_FIELDS, ENDPOINT_FIELDS, HOST_CONFIG_FIELDS, MOUNT_FIELDS } from '../../proxy/guard/fields.js';
import { readOperation } from '../../proxy/guard/operation.js';
import { Refused } from '../../proxy/guard/refusal.js';
import { parseHead } from '../../proxy/guard/request-head.js';
import { parseJson } from '../../proxy/guard/strict-json.js';
import { configOf } from '../config/fixture.js';
import { CONFIG, create } from './stand.js';

/** More with FUZZ_RUNS. */
const RUNS = Number(process.env.FUZZ_RUNS ?? 500);

/** Every field that the guard ever sends, and no other. */
const SENT_CONFIG = new Set(
  'User AttachStdin AttachStdout AttachStderr Tty OpenStdin StdinOnce Cmd WorkingDir StopSignal StopTimeout Env Image Labels HostConfig NetworkingConfig'.split(
    ' ',
  ),
);
const SENT_HOST_CONFIG = new Set(
  (
    'Memory MemorySwap NanoCpus PidsLimit ShmSize OomScoreAdj ReadonlyRootfs Tmpfs Mounts Init ConsoleSize NetworkMode Dns ' +
    'DnsOptions DnsSearch CapDrop CapAdd SecurityOpt Privileged IpcMode CgroupnsMode LogConfig AutoRemove'
  ).split(' '),
);

const KEYS = [...CONFIG_FIELDS.keys(), ...HOST_CONFIG_FIELDS.keys(), ...ENDPOINT_FIELDS.keys(), ...MOUNT_FIELDS.keys()];

/** A field by its name, in another case, with a letter that Go folds, or any text. */
const key = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...KEYS) },
  fc.constantFrom(...KEYS).map((name) => name.toLowerCase()),
  fc.constantFrom(...KEYS).map((name) => name.replace('s', '\u017f').replace('k', '\u212a')),
  fc.string({ maxLength: 8 }),
);

const leaf = fc.oneof(
  fc.constantFrom(
    null,
    false,
    true,
    0,
    1,
    -1,
    '',
    'host',
    'ALL',
    '/:/h',
    'mcp/fetch',
    'no-new-privileges',
    'none',
    'default',
  ),
  fc.integer(),
  fc.string({ maxLength: 12 }),
);

const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(key, tie('value'), { maxKeys: 4 }),
  ),
}));

/** What the Docker CLI sends for a run without a flag: every key, most with nothing in it. */
const CLI_CONFIG = {
  ...{ Hostname: '', Domainname: '', User: '', AttachStdin: true, AttachStdout: true, AttachStderr: true },
  ...{ Tty: false, OpenStdin: true, StdinOnce: true, Env: ['A=1'], Cmd: ['true'], Image: 'mcp/fetch' },
  ...{ Volumes: {}, WorkingDir: '', Entrypoint: null, OnBuild: null, Labels: { 'docker-mcp-name': 'memory' } },
};
const CLI_HOST_CONFIG = {
  ...{ Binds: null, ContainerIDFile: '', LogConfig: { Type: '', Config: {} }, NetworkMode: 'default' },
  ...{ PortBindings: {}, RestartPolicy: { Name: 'no', MaximumRetryCount: 0 }, AutoRemove: true, VolumeDriver: '' },
  ...{ VolumesFrom: null, ConsoleSize: [0, 0], CapAdd: null, CapDrop: null, CgroupnsMode: '', Dns: [], DnsOptions: [] },
  ...{ DnsSearch: [], ExtraHosts: null, GroupAdd: null, IpcMode: '', Cgroup: '', Links: null, OomScoreAdj: 0 },
  ...{ PidMode: '', Privileged: false, PublishAllPorts: false, ReadonlyRootfs: false, SecurityOpt: null, UTSMode: '' },
  ...{ UsernsMode: '', ShmSize: 0, Isolation: '', CpuShares: 0, Memory: 0, NanoCpus: 0, CgroupParent: '', Devices: [] },
  ...{ BlkioWeight: 0, BlkioWeightDevice: [], CpuPeriod: 0, CpusetCpus: '', DeviceRequests: null, MemorySwap: 0 },
  ...{ MemorySwappiness: -1, OomKillDisable: false, PidsLimit: 0, Ulimits: [], MaskedPaths: null, ReadonlyPaths: null },
};

/** A value of the right type, often one that a client may have, or the empty one. */
const likely = fc.constantFrom<unknown>(
  ...[null, false, true, 0, 1, 2 ** 40, '', 'none', 'tools', 'private', 'no', '/work', '1000:1000', 'SIGTERM'],
  ...[
    [],
    {},
    ['A=2', 'http_proxy=x'],
    ['claude-memory:/app/dist'],
    ['claude-memory:/app/dist:ro'],
    ['no-new-privileges'],
  ],
  ...[[{ Type: 'tmpfs', Target: '/t', TmpfsOptions: { SizeBytes: 2 ** 40 } }], [24, 80], ['/:/h'], ['ALL'], { a: 'b' }],
  ...[
    { 'docker-mcp-name': 'nobody', 'traefik.enable': 'true' },
    { Type: 'none' },
    { Name: 'always' },
    { Test: ['NONE'] },
  ],
);
const nearly = fc.record({
  own: fc.dictionary(fc.constantFrom(...CONFIG_FIELDS.keys()), likely, { maxKeys: 1 }),
  host: fc.dictionary(fc.constantFrom(...HOST_CONFIG_FIELDS.keys()), likely, { maxKeys: 2 }),
});

const body = fc.oneof(
  {
    weight: 3,
    arbitrary: nearly.map(({ own: { HostConfig: _host, ...own }, host }) =>
      JSON.stringify({ ...CLI_CONFIG, ...own, HostConfig: { ...CLI_HOST_CONFIG, ...host } }),
    ),
  },
  fc
    .record({
      own: fc.dictionary(key, value, { maxKeys: 3 }),
      host: fc.dictionary(fc.oneof(fc.constantFrom(...HOST_CONFIG_FIELDS.keys()), key), value, { maxKeys: 4 }),
    })
    .map(({ own, host }) => JSON.stringify({ Image: 'mcp/fetch', ...own, HostConfig: host })),
);

test('no create request that is accepted has a field or a value beyond the table', (context) => {
  const guard = configOf(context, `version: 1\n${CONFIG}`).guard;
  assert.ok(guard !== null);
  let accepted = 0;
  fc.assert(
    fc.property(body, (text) => {
      const json = parseJson(Buffer.from(text));
      if (!json.ok) return;
      try {
        const request = readCreateRequest(json.value, guard, () => {});
        const sent = JSON.parse(canonicalRequest(request, { address: null }, guard));
        accepted += 1;
        for (const name of Object.keys(sent)) assert.ok(SENT_CONFIG.has(name), name);
        const { HostConfig: host, NetworkingConfig: networking } = sent;
        for (const name of Object.keys(host)) assert.ok(SENT_HOST_CONFIG.has(name), name);
        assert.ok(['none', 'tools'].includes(host.NetworkMode));
        assert.deepEqual(Object.keys(networking.EndpointsConfig), host.NetworkMode === 'none' ? [] : ['tools']);
        assert.deepEqual([host.CapDrop, host.CapAdd, host.Privileged, host.AutoRemove], [['ALL'], [], false, true]);
        assert.ok(host.Memory > 0 && host.Memory <= 2 ** 31 && host.PidsLimit > 0 && host.PidsLimit <= 256);
        for (const mount of host.Mounts ?? []) {
          assert.ok(mount.Type === 'tmpfs' || mount.Source === 'claude-memory', mount.Type);
          assert.ok((mount.TmpfsOptions?.SizeBytes ?? 0) <= 2 ** 26);
        }
        assert.equal(sent.Env.filter((text: string) => /^https?_proxy=/i.test(text)).includes('http_proxy=x'), false);
        assert.ok(Object.keys(sent.Labels).every((label) => /^(?:docker-mcp|io\.mcp-egress-proxy\.)/.test(label)));
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
      }
    }),
    { numRuns: RUNS },
  );
  // Mutations that were all refused would show nothing.
  assert.ok(accepted > RUNS / 10, `${accepted} of ${RUNS} were accepted`);
});

test('octets that are no request never make an operation that was not written so', () => {
  const plain = create('{"Image":"mcp/fetch"}').split('\r\n\r\n')[0] ?? '';
  const mutation = fc.record({
    at: fc.nat(plain.length),
    cut: fc.nat(3),
    octets: fc.oneof(
      fc.string({ unit: 'binary', maxLength: 4 }),
      fc.constantFrom('\r\n', '\n', '\0', '%2f', '//', '/../', ' ', '\t', '?', '&', ';', ':'),
    ),
  });
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 3 }), (mutations) => {
      const text = mutations.reduce(
        (all, { at, cut, octets }) => all.slice(0, at) + octets + all.slice(at + cut),
        plain,
      );
      const head = parseHead(Buffer.from(text).toString('latin1'));
      if (!head.ok) return;
      assert.ok(!/[%\\]|\/\/|\/\.\.?(?:\/|$)/.test(head.head.path), head.head.path);
      assert.ok(text.startsWith(`${head.head.method} ${head.head.path}`));
      const found = readOperation(head.head);
      if (found.ok && found.operation.kind === 'create')
        assert.match(head.head.path, /^\/v1\.(?:4\d|5[0-6])\/containers\/create$/);
    }),
    { numRuns: RUNS },
  );
});

test('JSON is read as JSON.parse reads it, or refused', () => {
  const plain = (read: unknown): unknown => {
    if (read instanceof Map) return Object.fromEntries([...read].map(([name, item]) => [name, plain(item)]));
    return Array.isArray(read) ? read.map(plain) : read;
  };
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string(), body), (text) => {
      const read = parseJson(Buffer.from(text));
      if (read.ok) assert.deepEqual(plain(read.value), JSON.parse(text));
    }),
    { numRuns: RUNS },
  );
});
