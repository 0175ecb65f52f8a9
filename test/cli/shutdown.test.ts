import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Shutdown } from '../../proxy/cli/serve/shutdown.js';

function gate() {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open: () => open(), opened };
}

/** A shutdown whose delay and drain end when the test says so. */
function stand(delay: number) {
  const said: string[] = [];
  const delayed = gate();
  const drained = gate();
  const shutdown = new Shutdown({
    delayMs: () => delay,
    wait(ms, ended) {
      said.push(`wait ${ms}`);
      ended.addEventListener('abort', () => delayed.open());
      return delayed.opened;
    },
    onDelay: (signal, ms) => said.push(`delay ${signal} ${ms}`),
    drain(signal) {
      said.push(`drain ${signal}`);
      return drained.opened;
    },
    insist: () => said.push('insist'),
  });
  return { said, shutdown, delayed, drained };
}

test('without a delay the first signal drains, and the next one insists', async () => {
  const { said, shutdown, drained } = stand(0);
  assert.equal(shutdown.hasBegun, false);
  const ended = shutdown.heard('SIGTERM');
  assert.deepEqual([said, shutdown.hasBegun], [['drain SIGTERM'], true]);
  await shutdown.heard('SIGTERM');
  assert.deepEqual(said, ['drain SIGTERM', 'insist']);
  drained.open();
  await ended;
});

test('with a delay it has begun at once, and drains when the delay is over', async () => {
  const { said, shutdown, delayed, drained } = stand(5000);
  const ended = shutdown.heard('SIGTERM');
  assert.deepEqual([said, shutdown.hasBegun], [['delay SIGTERM 5000', 'wait 5000'], true]);
  delayed.open();
  drained.open();
  await ended;
  assert.deepEqual(said.slice(2), ['drain SIGTERM']);
});

test('a second signal ends the delay and not the drain; a third one insists', async () => {
  const { said, shutdown, drained } = stand(5000);
  const ended = shutdown.heard('SIGTERM');
  await shutdown.heard('SIGINT');
  drained.open();
  await ended;
  assert.deepEqual(said.slice(2), ['drain SIGTERM']);
  await shutdown.heard('SIGINT');
  assert.deepEqual(said.slice(3), ['insist']);
});
