import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Deadline, Deadlines } from '../../proxy/net/deadlines.js';
import type { Screen, Screened } from '../../proxy/net/first-bytes.js';
import { loneScreen } from './lone-screen.js';

/** The first octet of a TLS record. */
const BEGUN = Buffer.from([22]);

/** A tunnel that notes what its screen does with it, and what expires last. */
function stand() {
  const seen: string[] = [];
  const tunnel: Screened = {
    screenTimeoutMs: 60_000,
    up: ({ length }) => seen.push(`up with ${length} octets`),
    claimEarly: () => ({ hold: (octets) => seen.push(octets === 0 ? 'holds nothing' : 'holds') }),
    judged: () => seen.push('judged'),
    refuse: ({ length }) => seen.push(`refuse with ${length} octets`),
  };
  const set: Deadline[] = [];
  class Watched extends Deadlines {
    override put(deadline: Deadline, due: number): void {
      set.push(deadline);
      super.put(deadline, due);
    }
  }
  return { seen, tunnel, deadlines: new Watched(), expire: () => set.at(-1)?.owner.onLate() };
}

const REFUSED = ['judged', 'refuse with 0 octets'];
const HELD = ['holds', 'holds nothing', ...REFUSED];

type Step = (screen: Screen, tunnel: Screened, expire: () => void) => void;
const STEPS: readonly (readonly [what: string, before: Buffer | null, step: Step, seen: readonly string[]])[] = [
  ['the client sends', null, (screen, tunnel) => void screen.up(Buffer.from('x'), tunnel), REFUSED],
  ['the client sends the rest', BEGUN, (screen, tunnel) => void screen.up(Buffer.from('x'), tunnel), HELD],
  ['the upstream sends first', null, (screen, tunnel) => screen.down(tunnel), REFUSED],
  ['the upstream sends before the rest', BEGUN, (screen, tunnel) => screen.down(tunnel), HELD],
  ['the client ends', null, (screen, tunnel) => screen.ended(tunnel), REFUSED],
  ['the client ends before the rest', BEGUN, (screen, tunnel) => screen.ended(tunnel), HELD],
  ['the time is over', BEGUN, (_screen, _tunnel, expire) => expire(), HELD],
];

for (const [what, before, step, expected] of STEPS)
  test(`a screen with a defect lets nothing through and closes the tunnel: ${what}`, () => {
    const { seen, tunnel, deadlines, expire } = stand();
    const defect = new TypeError('a defect');
    const screen = loneScreen(deadlines, () => {
      throw defect;
    });
    if (before !== null) assert.equal(screen.up(before, tunnel), null);
    assert.throws(() => step(screen, tunnel, expire), defect);
    assert.deepEqual(seen, expected);
  });

test('what is held when its time is over goes nowhere, and is no longer claimed', () => {
  const { seen, tunnel, deadlines, expire } = stand();
  const screen = loneScreen(deadlines);
  assert.equal(screen.up(BEGUN, tunnel), null);
  expire();
  assert.deepEqual(seen, HELD);
});
