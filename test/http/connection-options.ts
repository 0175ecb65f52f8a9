/** What a ClientConnection needs of its door where a test brings only what it looks at. */
import assert from 'node:assert/strict';
import type { ConnectionOptions } from '../../proxy/http/connection-options.js';
import { Deadlines } from '../../proxy/net/deadlines.js';
import { DirectReads } from '../../proxy/net/direct-io.js';
import { OpenSet } from '../../proxy/net/open-set.js';

const LIMITS = { headerBytes: 4096, headerFields: 9, headerTimeoutMs: 600_000, idleTimeoutMs: 60_000 };

/** Whatever is not in `own` must not be called, and no time-out of it ends a test. */
export function connectionOptions(own: Partial<ConnectionOptions>): ConnectionOptions {
  return {
    arrivals: {
      reads: new DirectReads(Buffer.alloc(65_536)),
      deadlines: new Deadlines(),
      inForce: { settings: { limits: LIMITS } },
      memory: { claim: assert.fail },
      running: { ordinary: { add: () => true, leave: () => undefined }, mayPersist: true },
      onDefect: () => assert.fail(),
    },
    open: new OpenSet(),
    connect: () => assert.fail(),
    upgrade: () => assert.fail(),
    serve: () => assert.fail(),
    refuse: assert.fail,
    ...own,
  };
}

/** A connection that its door has counted. */
export const COUNTED = { isAdmitted: true, heard: () => undefined, waits: () => undefined, left: () => undefined };
