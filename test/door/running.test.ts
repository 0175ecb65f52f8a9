import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { Running } from '../../proxy/door/running.js';

function stand() {
  const defects: unknown[] = [];
  return { defects, running: new Running((error) => defects.push(error)), socket: new Socket() };
}

test('work that ends at once does not hold up the drain', async () => {
  const { defects, running, socket } = stand();
  running.track(socket, Promise.resolve());
  await running.drain();
  assert.deepEqual([defects, socket.destroyed], [[], false]);
});

test('a defect in work costs its own client the connection, and nobody else', async () => {
  const { defects, running, socket } = stand();
  const defect = new TypeError('a defect');
  running.track(socket, Promise.reject(defect));
  await running.drain();
  assert.deepEqual([defects, socket.destroyed], [[defect], true]);
});

test('the drain waits for work that is still running', async () => {
  const { defects, running, socket } = stand();
  const ended: string[] = [];
  let end = (): void => {};
  const work = new Promise<void>((resolve) => {
    end = resolve;
  }).then(() => void ended.push('work'));
  running.track(socket, work);
  const drained = running.drain().then(() => void ended.push('drain'));
  end();
  await drained;
  assert.deepEqual([ended, defects], [['work', 'drain'], []]);
});
