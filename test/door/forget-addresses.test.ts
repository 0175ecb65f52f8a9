import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress } from '../../proxy/core/address.js';
import { EgressError, type FailReason } from '../../proxy/core/reasons.js';
import { startProxy } from '../http/start-proxy.js';
import { promisedDialer } from '../net/promised-dialer.js';

async function forgottenAfter(reason: FailReason): Promise<string[]> {
  const forgotten: string[] = [];
  const askers: (string | undefined)[] = [];
  const proxy = await startProxy({
    resolver: {
      async resolve(_name, _signal, asker) {
        askers.push(asker);
        return ['8.8.8.8'].flatMap((text) => parseAddress(text) ?? []);
      },
      reverse: async () => null,
      forget: (name) => forgotten.push(name),
    },
    dialer: promisedDialer(() => Promise.reject(new EgressError(reason))),
  });
  const socket = await proxy.connect();
  socket.write('CONNECT moved.test:443 HTTP/1.1\r\nHost: moved.test:443\r\n\r\n');
  socket.resume();
  await proxy.decision(0);
  socket.destroy();
  await proxy.stop();
  assert.deepEqual(askers, ['127.0.0.1']);
  return forgotten;
}

test('addresses that lead nowhere are forgotten, so that a container that moved is found again', async () => {
  assert.deepEqual(await forgottenAfter('connect-refused'), ['moved.test']);
  assert.deepEqual(await forgottenAfter('connect-timeout'), ['moved.test']);
});

test('a client that gives up says nothing about the addresses', async () => {
  assert.deepEqual(await forgottenAfter('client-closed'), []);
});

test('a defect while they are forgotten still ends the request, with a record', async () => {
  const proxy = await startProxy({
    resolver: {
      resolve: async () => ['8.8.8.8'].flatMap((text) => parseAddress(text) ?? []),
      reverse: async () => null,
      forget: () => {
        throw new TypeError('a defect');
      },
    },
    dialer: promisedDialer(() => Promise.reject(new EgressError('connect-refused'))),
  });
  const socket = await proxy.connect();
  socket.write('CONNECT moved.test:443 HTTP/1.1\r\nHost: moved.test:443\r\n\r\n');
  socket.resume();
  assert.equal((await proxy.decision(0)).reason, 'internal-error');
  assert.equal(proxy.defects.length, 1);
  socket.destroy();
  await proxy.stop();
});
