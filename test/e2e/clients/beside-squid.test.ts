/** Every raw case and every situation of real traffic, through this proxy and Debian's Squid, in one run. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Script } from '../../http/fake-dns.js';
import type { RawCase } from '../../http/raw-case.js';
import { CONNECT_CASES } from '../../http/raw-connect.js';
import { FRAMING_CASES } from '../../http/raw-framing.js';
import { REQUEST_CASES } from '../../http/raw-requests.js';
import { RESPONSE_CASES } from '../../http/raw-responses.js';
import { type RunningProxy, startProxy } from '../../http/start-proxy.js';
import { type Played, play } from './played-case.js';
import { REFUSED_HERE } from './refused-beside-squid.js';
import { SITUATIONS } from './situations.js';
import { type SquidProcess, startSquid } from './squid-process.js';

const CASES = [...FRAMING_CASES, ...REQUEST_CASES, ...CONNECT_CASES, ...RESPONSE_CASES];
const PATIENCE = { timeout: 900_000 };
const AT_ONCE = 8;

const POLICY = { default: 'public', internal: [{ address: '127.0.0.1/32', ports: ['1-65535'] }] };
const CLIENTS = [
  { name: 'tool', token: '0123456789abcdef' },
  { name: 'here', address: '127.0.0.1/32' },
];

let folder: string;
let squid: SquidProcess;
let proxy: RunningProxy;
let asking: RunningProxy;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'egress-squid-'));
  proxy = await startProxy({ config: { policy: POLICY, clients: CLIENTS }, dns: slowNames });
  asking = await startProxy({ config: { policy: { ...POLICY, clients: 'required' }, clients: CLIENTS.slice(0, 1) } });
  squid = await startSquid(folder, proxy.dns.server);
}, PATIENCE);

after(async () => {
  await squid.stop();
  await proxy.stop();
  await asking.stop();
  await rm(folder, { recursive: true });
});

test(
  'each raw case is answered as well as by Squid, or refused for a reason that is written down',
  PATIENCE,
  async (t) => {
    const rows = await inTurns(CASES, async (one) => ({
      one,
      ours: await play(one, proxy.port),
      squids: await play(one, squid.port),
    }));
    const refusedHere = new Set<string>();
    let better = 0;
    for (const { one, ours, squids } of rows) {
      t.diagnostic(`${one.rule}: ${words(ours)}; Squid: ${words(squids)}`);
      const told = one.statuses.some((sequence) => sequence.join() === ours.statuses.join());
      assert.ok(told && ours.forwarded.join() === one.forwarded.join(), `${one.rule}: ${words(ours)}`);
      if (passed(squids) > passed(ours)) refusedHere.add(one.rule);
      else if (isWorse(one, squids, ours)) better += 1;
      assert.ok(
        !isWorse(one, ours, squids) || refusedHere.has(one.rule),
        `${one.rule}: ${words(ours)}, ${words(squids)}`,
      );
    }
    t.diagnostic(`${rows.length} cases: ${refusedHere.size} refused here only, ${better} answered better`);
    assert.deepEqual([...refusedHere].toSorted(), Object.keys(REFUSED_HERE).toSorted());
  },
);

for (const { name, play } of SITUATIONS) {
  test(`beside Squid: ${name}`, PATIENCE, async (t) => {
    const squids = await play(squid);
    const ours = await play({ port: proxy.port, askingPort: asking.port });
    t.diagnostic(`${name}: ${ours.words}; Squid: ${squids.words}`);
    assert.ok(ours.isGood, ours.words);
  });
}

/** `slow-1500.test` is known after 1500 ms. */
const slowNames: Script = ({ name, type }) => {
  const [, delay] = /^slow-(\d+)\.test$/.exec(name) ?? [];
  if (delay === undefined) return { rcode: 3 };
  return { delayMs: Number(delay), answers: type === 'A' ? [{ type, name, data: '127.0.0.1', ttl: 60 }] : [] };
};

function passed({ statuses }: Played): number {
  return statuses.filter((status) => status < 400).length;
}

/** Nothing at all where the other one answers, or less than it, or what must not be read. */
function isWorse(one: RawCase, ours: Played, others: Played): boolean {
  const leaks = ({ text }: Played): boolean => one.readsNot?.test(text) === true;
  if (leaks(ours) && !leaks(others)) return true;
  return passed(ours) < passed(others) || (ours.statuses.length === 0 && others.statuses.length > 0);
}

function words({ statuses, forwarded, isSilent }: Played): string {
  const answer = statuses.join(' ') || (isSilent ? 'silence' : 'a close');
  return forwarded.length === 0 ? answer : `${answer}, to the origin ${forwarded.join(', ')}`;
}

async function inTurns<T, R>(all: readonly T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const done: R[] = [];
  const rest = [...all.entries()];
  const take = async (): Promise<void> => {
    for (let next = rest.shift(); next !== undefined; next = rest.shift()) done[next[0]] = await work(next[1]);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, take));
  return done;
}
