import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { pino } from 'pino';
import { watchKernel } from '../../proxy/cli/serve/kernel-watch.js';
import type { KernelState } from '../../proxy/net/kernel.js';

const CLOSED: KernelState = { ipv4Forwarding: [], ipv6Forwarding: [], anySource: [], routerAdvertisements: [] };
const OPEN: KernelState = { ...CLOSED, ipv4Forwarding: ['eth0', 'eth1'], anySource: ['eth0'] };

function watched(context: TestContext, states: KernelState[], isOutward = true) {
  context.mock.timers.enable({ apis: ['setInterval'] });
  const lines: Record<string, unknown>[] = [];
  const logger = pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line)) });
  const watch = watchKernel(logger, isOutward, () => states[0] ?? CLOSED);
  return { watch, lines, tick: () => context.mock.timers.tick(30_000) };
}

test('forwarding is an error at the start, with its interfaces and the way to close it, and is logged once', (context) => {
  const { watch, lines, tick } = watched(context, [OPEN]);
  tick();
  assert.deepEqual(
    lines.map(({ level, event, interfaces }) => [level, event, interfaces]),
    [
      [50, 'kernel-forwarding', { ipv4: ['eth0', 'eth1'], ipv6: [] }],
      [40, 'kernel-sources', { anySource: ['eth0'], routerAdvertisements: [] }],
    ],
  );
  assert.match(String(lines[0]?.remedy), /net\.ipv4\.ip_forward/);
  assert.deepEqual(watch.now(), { forwards: true, takesForgedSources: true });
});

test('a network that comes later is found, and so is the end of it', (context) => {
  const states = [CLOSED];
  const { watch, lines, tick } = watched(context, states);
  assert.deepEqual([lines.length, watch.now().forwards], [0, false]);
  states[0] = { ...CLOSED, ipv6Forwarding: ['eth1'] };
  tick();
  states[0] = CLOSED;
  tick();
  assert.deepEqual(
    lines.map(({ level, event }) => [level, event]),
    [
      [50, 'kernel-forwarding'],
      [30, 'kernel-forwarding'],
    ],
  );
});

test('where every door is on loopback, no tool is on the other side of one', (context) => {
  const { watch, lines } = watched(context, [OPEN], false);
  assert.deepEqual([lines, watch.now()], [[], { forwards: false, takesForgedSources: false }]);
});
