/** Metrics of the fixed relays' targets. They exist without a relay, too, so that one alert serves both cases. */
import { Gauge, type Registry } from 'prom-client';
import type { RelayLook } from './relay-events.js';

export function addRelayMetrics(registry: Registry, relays: () => readonly RelayLook[]): void {
  const registers = [registry];
  const up: Gauge = new Gauge({
    name: 'egress_relay_up',
    help: '1 while the target of a fixed relay accepts connections.',
    labelNames: ['relay'],
    registers,
    collect() {
      for (const { relay, state } of relays()) up.set({ relay }, state === 'up' ? 1 : 0);
    },
  });
  const down: Gauge = new Gauge({
    name: 'egress_relays_down',
    help: 'Fixed relays whose target does not answer.',
    registers,
    collect: () => down.set(relays().filter(({ state }) => state !== 'up' && state !== 'unknown').length),
  });
  const outside: Gauge = new Gauge({
    name: 'egress_gateways_outside',
    help: 'Fixed relays whose target answers outside the network of the tools, where nothing confines it.',
    registers,
    collect: () => outside.set(relays().filter((look) => look.outside.length > 0).length),
  });
}
