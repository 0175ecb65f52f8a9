/** Records for tests: whole, plausible, and changed where a test says so. */
import type { CloseRecord, DecisionRecord } from '../../proxy/observe/record.js';

export function decisionRecord(change: Partial<DecisionRecord> = {}): DecisionRecord {
  return {
    event: 'decision',
    id: 'r-0001',
    time: '2026-11-23T04:00:00.000Z',
    outcome: 'deny',
    reason: 'metadata-address',
    rule: 'never:169.254.169.254/32',
    mode: 'enforce',
    client: { address: '172.31.250.7', name: 'github' },
    door: 'connect',
    method: 'CONNECT',
    host: '169.254.169.254',
    port: 80,
    addresses: ['169.254.169.254'],
    dialed: null,
    status: 403,
    dnsMs: null,
    connectMs: null,
    ...change,
  };
}

export function closeRecord(change: Partial<CloseRecord> = {}): CloseRecord {
  return {
    event: 'closed',
    reason: null,
    id: 'r-0001',
    client: { address: '172.31.250.7', name: 'github' },
    door: 'connect',
    host: 'api.github.com',
    port: 443,
    rule: 'default',
    status: 200,
    time: '2026-11-23T04:00:01.000Z',
    bytesUp: 10,
    bytesDown: 2000,
    durationMs: 1000,
    cause: 'end',
    ...change,
  };
}

/** Text that would hurt if it were shown or written raw: HTML, ANSI, line ends, RTL and zero-width marks, C1, DEL. */
export const HOSTILE = [
  '<img src=x onerror=alert(1)>',
  '\u001b[2J\u001b[31mred',
  'a\r\n{"event":"decision","outcome":"allow"}',
  'moc.elgoog\u202egro.live\u202c',
  'zero\u200bwidth\ufeff',
  'c1\u009b31m del\u007f',
  'line\u2028and\u2029paragraph',
  'tag\u{e0041}\u{e007f} lone\ud800',
  '"}],"\\',
] as const;
