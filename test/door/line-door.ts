/** A toy: one line that names the destination, and bytes from then on. */
import { parseAuthority } from '../../proxy/core/target.js';
import type { TunnelDoor } from '../../proxy/door/tunnel-door.js';

const LONGEST_LINE = 300;

export const lineDoor: TunnelDoor = {
  name: 'connect',
  async hear({ octets }) {
    let line = '';
    while (!line.endsWith('\n') && line.length < LONGEST_LINE) line += (await octets.take(1)).toString('latin1');
    const target = parseAuthority(line.trimEnd());
    return target.ok ? { ok: true, target: target.value } : target;
  },
  granted: Buffer.from('OPEN\n'),
  refused: (reason) => Buffer.from(`NO ${reason}\n`),
};
