import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { decisionRecord, HOSTILE } from '../observe/records.js';
import { adminWith } from './build.js';

async function listening(context: TestContext) {
  const admin = adminWith();
  const url = await admin.app.listen({ host: '127.0.0.1', port: 0 });
  context.after(() => admin.app.close());
  return { ...admin, url };
}

interface StreamEvent {
  readonly name: string;
  readonly id: string | null;
  readonly data: Record<string, unknown>;
}

/** The events of a stream as they come, comments and `retry` left out. */
async function* eventsOf(response: Response): AsyncGenerator<StreamEvent> {
  assert.ok(response.body);
  let text = '';
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1] ?? null;
      const data = field('data');
      if (data !== null) yield { name: field('event') ?? 'message', id: field('id'), data: JSON.parse(data) };
    }
  }
}

async function take(events: AsyncGenerator<StreamEvent>, count: number): Promise<StreamEvent[]> {
  const taken: StreamEvent[] = [];
  while (taken.length < count) {
    const { value, done } = await events.next();
    if (done === true) break;
    taken.push(value);
  }
  return taken;
}

test('a record is streamed as it is made, whatever its texts hold', { timeout: 240_000 }, async (context) => {
  const { url, add } = await listening(context);
  const response = await fetch(`${url}/v1/decisions/stream`);
  assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/);
  assert.match(response.headers.get('content-security-policy') ?? '', /default-src 'none'/);
  const records = HOSTILE.map((host, i) => decisionRecord({ id: `r${i}`, host }));
  add(...records);
  const events = await take(eventsOf(response), records.length);
  assert.deepEqual(
    events.map(({ name, id, data }) => ({ name, id, data })),
    records.map((record) => ({ name: 'message', id: record.id, data: { level: 'warn', ...record } })),
  );
});

test('filters apply to the stream as they do to the list', { timeout: 240_000 }, async (context) => {
  const { url, add } = await listening(context);
  const events = eventsOf(await fetch(`${url}/v1/decisions/stream?outcome=deny&client=nas`));
  const nas = { address: '10.0.0.1', name: 'nas' };
  add(
    decisionRecord({ id: 'a' }),
    decisionRecord({ id: 'b', client: nas, outcome: 'allow', reason: null }),
    decisionRecord({ id: 'c', client: nas }),
  );
  assert.deepEqual(
    (await take(events, 1)).map(({ id }) => id),
    ['c'],
  );
  assert.equal((await fetch(`${url}/v1/decisions/stream?outcome=x`)).status, 400);
});

test('a reader that comes back gets what it missed, and then what is new', { timeout: 240_000 }, async (context) => {
  const { url, add } = await listening(context);
  add(decisionRecord({ id: 'a' }), decisionRecord({ id: 'b' }), decisionRecord({ id: 'c' }));
  for (const [path, headers] of [
    ['/v1/decisions/stream', { 'last-event-id': 'a' }],
    ['/v1/decisions/stream?after=a', {}],
  ] as const) {
    const events = eventsOf(await fetch(url + path, { headers }));
    assert.deepEqual(
      (await take(events, 2)).map(({ id }) => id),
      ['b', 'c'],
    );
  }
});

test('a reader that asks for a rate gets no more, learns what is missing, and gets the sums', {
  timeout: 240_000,
}, async (context) => {
  const { url, add } = await listening(context);
  const events = eventsOf(await fetch(`${url}/v1/decisions/stream?rate=20&totals=1`));
  assert.deepEqual((await take(events, 1))[0]?.data, { allow: 0, deny: 0, fail: 0, reported: 0 });
  add(...Array.from({ length: 50 }, (_, i) => decisionRecord({ id: `r${i}` })));
  const seen: StreamEvent[] = [];
  // The sums come once a second, and may do so at any time before this.
  while (seen.at(-1)?.name !== 'totals' || seen.length < 4) {
    const [event] = await take(events, 1);
    if (event !== undefined && (event.name !== 'totals' || seen.length === 3)) seen.push(event);
  }
  const [first, second, lost, totals] = seen;
  assert.deepEqual([first?.id, second?.id], ['r48', 'r49']);
  assert.deepEqual([lost?.name, lost?.data], ['lost', { lost: 48 }]);
  assert.deepEqual(totals?.data, { allow: 0, deny: 50, fail: 0, reported: 0 });
});

test('a reader that never reads costs a bounded queue, and the others nothing', {
  timeout: 240_000,
}, async (context) => {
  const { url, add, ring } = await listening(context);
  const dead: Socket = connect(Number(new URL(url).port), '127.0.0.1');
  context.after(() => dead.destroy());
  dead.pause();
  dead.write('GET /v1/decisions/stream HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const live = eventsOf(await fetch(`${url}/v1/decisions/stream`));
  const big = 'x'.repeat(400);
  let sent = 0;
  // The live reader paces the writer, until the dead one's socket buffers are full and its queue sheds.
  while (ring.lost() === 0) {
    add(...Array.from({ length: 900 }, () => decisionRecord({ id: `r${sent++}`, host: big, method: big })));
    const seen = await take(live, 900);
    assert.equal(seen.at(-1)?.id, `r${sent - 1}`);
  }
  assert.ok(sent < 100_000, `${sent}`);
  assert.equal(ring.subscribers(), 2);
});

test('a reader that hangs up is forgotten', { timeout: 240_000 }, async (context) => {
  const { url, ring, app } = await listening(context);
  const gone = new Promise<void>((resolve) => {
    app.server.on('connection', (socket) => socket.on('close', () => resolve()));
  });
  const abort = new AbortController();
  await fetch(`${url}/v1/decisions/stream`, { signal: abort.signal });
  assert.equal(ring.subscribers(), 1);
  abort.abort();
  await gone;
  assert.equal(ring.subscribers(), 0);
});

test('the number of readers of the stream is bounded', { timeout: 240_000 }, async (context) => {
  const { url } = await listening(context);
  const responses = await Promise.all(Array.from({ length: 65 }, () => fetch(`${url}/v1/decisions/stream`)));
  assert.deepEqual(responses.map(({ status }) => status).sort(), [...Array.from({ length: 64 }, () => 200), 503]);
});

test('closing the API ends its streams', { timeout: 240_000 }, async (context) => {
  const { url, app } = await listening(context);
  const response = await fetch(`${url}/v1/decisions/stream`);
  const ended = response.text().catch((error: Error) => error.name);
  await app.close();
  assert.ok(await ended);
});
