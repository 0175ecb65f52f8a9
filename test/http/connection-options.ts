/** What a ClientConnection needs of its door where a test brings only what it looks at. */
import assert from 'node:assert/strict';
import type { ConnectionOptions } from '../../proxy/http/connection-options.js';
import { Deadlines } from '../../proxy/net/deadlines.js';
import { DirectReads } from '../../proxy/net/direct-io.js';
import { OpenSet } from '../../proxy/net/open-set.js';

/** Whatever is not in `own` must not be called, and no time-out of it ends a test. */
export function connectionOptions(own: Partial<ConnectionOptions>): ConnectionOptions {
  return {
    reads: new DirectReads(Buffer.alloc(65_536)),
    deadlines: new Deadlines(),
    open: new OpenSet(),
    limits: () => ({ headerBytes: 4096, headerFields: 9, headerTimeoutMs: 600_000, idleTimeoutMs: 60_000 }),
    mayPersist: () => true,
    claim: assert.fail,
    running: { enter: () => 0, leave: () => undefined },
    onDefect: () => assert.fail(),
    connect: () => assert.fail(),
    upgrade: () => assert.fail(),
    serve: () => assert.fail(),
    refuse: assert.fail,
    ...own,
  };
}

/** A connection that its door has counted. */
export const COUNTED = { isAdmitted: true, heard: () => undefined, waits: () => undefined };
