import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { MORE, type TunnelDoor } from '../../proxy/door/hearing.js';
import { createTunnelDoor } from '../../proxy/door/tunnel-door.js';
import { lineDoor } from './line-door.js';
import { doorParts } from './parts.js';
import { openOrigin, readAll } from './stand.js';

test('a door is one object: it hears, and the rest is there', async (t) => {
  const echo = await openOrigin(t, (socket) => void socket.pipe(socket));
  const { port, records } = await listening(t, echo);
  assert.equal(await say(port, 'site.test:22\nhello'), 'OPEN\nhello');
  const [record] = records;
  assert.deepEqual(
    [record?.outcome, record?.host, record?.port, record?.dialed],
    ['allow', 'site.test', 22, '93.184.215.14'],
  );
});

test('what it refuses, and what is refused after it, gets its own words and one record', async (t) => {
  const { port, records } = await listening(t, 1);
  for (const [line, reason] of [
    ['nonsense', 'malformed-target'],
    ['10.0.0.1:80', 'address-prohibited'],
    ['site.test:22', 'connect-refused'],
  ] as const) {
    assert.equal(await say(port, `${line}\n`), `NO ${reason}\n`);
    assert.equal(records.at(-1)?.reason, reason);
  }
  assert.equal(records.length, 3);
});

test('a client that ends within its handshake has a record, and one that says nothing has none', async (t) => {
  const { port, records } = await listening(t, 1);
  assert.equal(await say(port, ''), '');
  assert.equal(await say(port, 'site'), 'NO client-closed\n');
  assert.deepEqual(
    records.map(({ reason }) => reason),
    ['client-closed'],
  );
});

test('what a refused client has sent is read to its end, and none of it is held any more', async (t) => {
  const { port, records, arrivals } = await listening(t, 1);
  // More than the kernel takes without a reader.
  const more = 'x'.repeat(16 * 1024 * 1024);
  for (const [line, answer] of [
    ['nonsense', 'malformed-target'],
    ['10.0.0.1:80', 'address-prohibited'],
    ['site.test:22', 'connect-refused'],
  ] as const) {
    assert.equal(await say(port, `${line}\n${more}`), `NO ${answer}\n`);
    assert.equal(arrivals.memory.used('early'), 0);
  }
  assert.equal(records.length, 3);
});

test('a client that ends its side or is lost within its handshake is refused for what it did', async (t) => {
  const door = { ...lineDoor, unfinished: 'malformed-hello' } as const;
  const { port, records, sockets } = await listening(t, 1, { door });
  assert.equal(await say(port, 'site'), 'NO malformed-hello\n');
  const [served] = sockets;
  const lost = net.connect({ host: '127.0.0.1', port });
  lost.write('site');
  await until(() => (sockets[1]?.bytesRead ?? 0) > 0);
  assert.ok(served?.destroyed);
  lost.resetAndDestroy();
  await until(() => records.length === 2);
  assert.deepEqual(
    records.map(({ reason }) => reason),
    ['malformed-hello', 'client-closed'],
  );
});

for (const says of ['whole', 'asked first'] as const)
  test(`a client that waits to be identified is held within a bound (${says})`, async (t) => {
    const echo = await openOrigin(t, (socket) => void socket.pipe(socket));
    const door = says === 'whole' ? lineDoor : asksFirst;
    const { port, arrivals, sockets, records } = await listening(t, echo, { door });
    const { arrive } = arrivals;
    let go = (): void => undefined;
    const turn = new Promise<void>((resolve) => {
      go = resolve;
    });
    Object.assign(arrivals, {
      arrive: async (...asked: Parameters<typeof arrive>) => {
        await turn;
        return arrive.apply(arrivals, asked);
      },
    });
    const early = Buffer.alloc(1024 * 1024, 'x');
    const answer = say(port, `site.test:22\n${early}`);
    await until(() => (sockets[0]?.bytesRead ?? 0) >= 16 * 1024);
    for (let turns = 0; turns < 50; turns++) await new Promise((resolve) => setImmediate(resolve));
    assert.ok((sockets[0]?.bytesRead ?? 0) <= 32 * 1024);
    assert.equal(records.length, 0);
    go();
    const opened = await answer;
    assert.equal(opened.length, 'OPEN\n'.length + early.length);
    assert.deepEqual(
      records.map(({ outcome }) => outcome),
      ['allow'],
    );
  });

test('the time for the handshake is not renewed by waiting: its end comes before what came meanwhile', async (t) => {
  const { port, arrivals, records } = await listening(t, 1, { door: asksFirst });
  const { arrive } = arrivals;
  Object.assign(arrivals, {
    arrive: async (...asked: Parameters<typeof arrive>) => {
      await new Promise((resolve) => setImmediate(resolve));
      for (const first of arrivals.deadlines.slots)
        for (let one = first; one !== null; one = one.behind) one.owner.onLate();
      return arrive.apply(arrivals, asked);
    },
  });
  assert.equal(await say(port, 'site.test:22\n'), 'NO handshake-timeout\n');
  assert.deepEqual(
    records.map(({ reason }) => reason),
    ['handshake-timeout'],
  );
});

test('a defect while it hears costs its own client the connection, and the drain does not wait for it', async (t) => {
  const defects: unknown[] = [];
  const defect = new TypeError('a defect');
  const hearing = () => ({
    hear() {
      throw defect;
    },
  });
  const onDefect = (error: unknown) => defects.push(error);
  const { port, arrivals, records } = await listening(t, 1, { door: { ...lineDoor, hearing }, onDefect });
  assert.equal(await say(port, 'site'), 'NO internal-error\n');
  assert.deepEqual([defects, records.map(({ reason }) => reason)], [[defect], ['internal-error']]);
  Object.assign(arrivals, { arrive: () => Promise.reject(defect) });
  assert.equal(await say(port, 'site'), '');
  assert.equal(records.length, 1);
  assert.deepEqual(defects.slice(1), [defect, defect]);
  await arrivals.running.drain();
});

/** Asks who its client is before it hears the line. */
const asksFirst: TunnelDoor = {
  ...lineDoor,
  hearing: (inForce) => {
    const line = lineDoor.hearing(inForce);
    let isKnown = false;
    return {
      hear(held) {
        return isKnown ? line.hear(held) : { kind: 'credentials', taken: 0, credentials: { user: '', password: '' } };
      },
      identified() {
        isKnown = true;
        return MORE;
      },
    };
  },
};

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

interface Options {
  readonly door?: TunnelDoor;
  readonly onDefect?: (error: unknown) => void;
}

async function listening(t: TestContext, origin: number, { door = lineDoor, onDefect }: Options = {}) {
  const { arrivals, connectionLimits, records } = await doorParts(origin, onDefect);
  const server = createTunnelDoor(arrivals, connectionLimits, door);
  const sockets: Socket[] = [];
  server.on('connection', (socket) => sockets.push(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { port: (server.address() as AddressInfo).port, records, arrivals, sockets };
}

async function say(port: number, text: string): Promise<string> {
  const socket = net.connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  const sent = new Promise((resolve, reject) => socket.on('finish', resolve).on('error', reject));
  socket.end(text);
  const [answer] = await Promise.all([readAll(socket), sent]);
  return answer.toString('latin1');
}
