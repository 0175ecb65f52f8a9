/** A toy: one line that names the destination, and bytes from then on. */
import { parseAuthority } from '../../proxy/core/target.js';
import { type Heard, MORE, refusedAs, type TunnelDoor } from '../../proxy/door/hearing.js';

const LONGEST_LINE = 300;
const NEW_LINE = 10;

export const lineDoor: TunnelDoor = {
  name: 'connect',
  hearing: () => ({ hear }),
  unfinished: 'client-closed',
  granted: Buffer.from('OPEN\n'),
  refused: (reason) => Buffer.from(`NO ${reason}\n`),
};

function hear(held: Buffer): Heard {
  const taken = Math.min(held.indexOf('\n') + 1 || held.length, LONGEST_LINE);
  if (taken < LONGEST_LINE && held[taken - 1] !== NEW_LINE) return MORE;
  const target = parseAuthority(held.toString('latin1', 0, taken).trimEnd());
  return target.ok ? { kind: 'target', taken, target: target.value } : refusedAs(target.reason);
}
