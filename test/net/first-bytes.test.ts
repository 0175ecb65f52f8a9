import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Deadlines } from '../../proxy/net/deadlines.js';
import { type Screen, Screening } from '../../proxy/net/first-bytes.js';

const STEPS: readonly (readonly [what: string, step: (screening: Screening) => void])[] = [
  ['the client sends', (screening) => void screening.up(Buffer.from('x'))],
  ['the upstream sends first', (screening) => screening.down()],
  ['the client ends', (screening) => screening.ended()],
  ['the time is over', (screening) => screening.onLate()],
];

for (const [what, step] of STEPS)
  test(`a screen with a defect lets nothing through and closes the tunnel: ${what}`, () => {
    const defect = new TypeError('a defect');
    const broken = (): never => {
      throw defect;
    };
    const screen: Screen = { held: 0, fromClient: broken, fromUpstream: broken, ended: broken, late: broken };
    const seen: string[] = [];
    const ways = {
      up: () => seen.push('up'),
      claimEarly: () => assert.fail('nothing is held'),
      judged: () => seen.push('judged'),
      refuse: ({ length }: Buffer) => seen.push(`refuse with ${length} octets`),
    };
    const screening = new Screening(screen, ways, { deadlines: new Deadlines(), screenTimeoutMs: 60_000 });
    assert.throws(() => step(screening), defect);
    assert.deepEqual(seen, ['judged', 'refuse with 0 octets']);
  });
