/** The metrics of a proxy that does nothing. */
import { createMetrics, type Metrics, type MetricsOptions } from '../../proxy/observe/metrics.js';

export function idleMetrics(change: Partial<MetricsOptions> = {}): Metrics {
  return createMetrics({
    openTunnels: () => 0,
    openConnections: () => 0,
    unansweredDnsPeers: () => 0,
    kernel: () => null,
    droppedLogLines: () => 0,
    streamReaders: () => 0,
    lostStreamRecords: () => 0,
    policy: () => ({ digest: 'd', mode: 'enforce', default: 'none' }),
    ...change,
  });
}
