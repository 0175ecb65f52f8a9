import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Questions } from '../../proxy/decide/questions.js';
import { FakeClock } from './stand.js';

function stand(bounds = { perClient: 20, most: 200, keepMs: 900_000 }) {
  const clock = new FakeClock();
  const told: string[] = [];
  const questions = new Questions({
    bounds: () => bounds,
    clock,
    onQuestion: ({ host }, isNew) => void told.push(`${isNew ? 'new' : 'again'} ${host}`),
    onEnd: (_id, how) => void told.push(how),
  });
  const asking = (host: string, client = '10.0.0.2') => ({
    client: { address: client, name: null },
    grantClient: null,
    host,
    port: 443,
    door: 'connect',
    from: 'f',
  });
  return { clock, told, questions, asking };
}

test('ten thousand questions of one tool are a few, and leave room for those of another', () => {
  const { questions, asking } = stand();
  for (let i = 0; i < 10_000; i++) questions.ask(asking(`h${i}.test`));
  assert.equal(questions.ask(asking('other.test', '10.0.0.3')), true);
  assert.equal(questions.list().length, 21);
  assert.deepEqual(
    questions.folded().map(({ more }) => more),
    [9980],
  );
});

test('ten thousand tools with a question each are bounded, too', () => {
  const { questions, asking } = stand();
  for (let i = 0; i < 10_000; i++) questions.ask(asking('a.test', `10.0.${i >> 8}.${i & 255}`));
  assert.equal(questions.list().length, 200);
  assert.equal(questions.folded().length, 100);
});

test('the same question is one, announced at most once a second, and ends when nobody asks again', () => {
  const { questions, asking, clock, told } = stand();
  for (let i = 0; i < 400; i++) questions.ask(asking('a.test'));
  clock.pass(1000);
  questions.ask(asking('a.test'));
  assert.deepEqual(told, ['new a.test', 'again a.test']);
  assert.equal(questions.list()[0]?.count, 401);
  clock.pass(900_001);
  assert.deepEqual([questions.list().length, told.at(-1)], [0, 'expired']);
});

test('a question that nobody repeats ends by itself when its time is over, and not before', () => {
  const { questions, asking, clock, told } = stand({ perClient: 20, most: 200, keepMs: 60_000 });
  questions.ask(asking('a.test'));
  clock.pass(30_000);
  questions.ask(asking('b.test'));
  clock.pass(30_000);
  assert.deepEqual(told, ['new a.test', 'new b.test'], 'it is kept for as long as it says');
  clock.pass(1000);
  assert.deepEqual(told, ['new a.test', 'new b.test', 'expired']);
  clock.pass(30_000);
  assert.deepEqual(told.slice(3), ['expired']);
  questions.ask(asking('c.test'));
  questions.close();
  assert.equal(clock.due, 0, 'nothing is waited for any more');
});

test('a question for whose answer somebody waits does not end by itself', async () => {
  const { questions, asking, clock, told } = stand({ perClient: 20, most: 200, keepMs: 1000 });
  questions.ask(asking('a.test'));
  const waited = questions.wait(asking('a.test'), 5000, new AbortController().signal);
  clock.pass(4000);
  assert.ok(!told.includes('expired'));
  clock.pass(2000);
  await waited;
  assert.equal(told.at(-1), 'expired');
});

test('who waits goes on when the question is answered, when the time is over or when it gives up', async () => {
  const { questions, asking, clock } = stand();
  const never = new AbortController();
  questions.ask(asking('a.test'));
  const answered = questions.wait(asking('a.test'), 30_000, never.signal);
  const [question] = questions.list();
  assert.ok(question);
  assert.equal(question.waiting, 1);
  assert.equal(questions.end(question.id, 'allowed'), true);
  await answered;
  questions.ask(asking('b.test'));
  const late = questions.wait(asking('b.test'), 30_000, never.signal);
  clock.pass(30_000);
  await late;
  const gone = new AbortController();
  const givesUp = questions.wait(asking('b.test'), 30_000, gone.signal);
  gone.abort();
  await givesUp;
  assert.equal(questions.list()[0]?.waiting, 0);
});
