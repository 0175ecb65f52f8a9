/** A side for any socket, as a connection that nobody counts would be. */
import type { Socket } from 'node:net';
import { type Heir, report, type Side } from '../../proxy/net/side.js';

export function plainSide(socket: Socket): Side {
  let heir: Heir | null = null;
  report(socket, { ended: () => heir?.ended(), closed: (hadError) => heir?.closed(hadError) });
  return {
    socket,
    inherit(next) {
      heir = next;
    },
  };
}
