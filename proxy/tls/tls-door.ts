/** The TLS door: the ClientHello says where the connection is to go, and all bytes are relayed as they came. */

import { type Soon, soon } from '../door/soon.js';
import { HTTPS_PORT } from '../door/steered-ports.js';
import type { Heard, Hearing, TunnelDoor } from '../door/tunnel-door.js';
import { HeldBytes } from '../net/held-bytes.js';
import { refusalAlert } from './alert.js';
import type { ClientHello } from './client-hello.js';
import { HelloReader } from './hello-reader.js';

/**
 * Names that exist only as outer names of Encrypted Client Hello (RFC 9849), which hide a name that nobody on the way can read.
 * A browser's GREASE extension comes with the true name, and passes.
 */
const ECH_PUBLIC_NAMES: ReadonlySet<string> = new Set(['cloudflare-ech.com']);

/** A refused client gets a TLS alert. */
export const tlsDoor: TunnelDoor = {
  name: 'steer-tls',
  hear,
  granted: null,
  refused: refusalAlert,
};

/** Nearly every hello comes in one piece. */
function hear({ octets }: Hearing): Soon<Heard> {
  const reader = new HelloReader();
  const seen = new HeldBytes();
  return soon(octets.takeSome(), (piece) => heardIn(piece, reader, seen) ?? hearOn(octets, reader, seen));
}

async function hearOn(octets: Hearing['octets'], reader: HelloReader, seen: HeldBytes): Promise<Heard> {
  for (;;) {
    const heard = heardIn(await octets.takeSome(), reader, seen);
    if (heard !== null) return heard;
  }
}

/** `piece` null: nothing more will come. Null: the hello is not whole. */
function heardIn(piece: Buffer | null, reader: HelloReader, seen: HeldBytes): Heard | null {
  if (piece === null) return { ok: false, reason: 'malformed-hello' };
  seen.push(piece);
  const state = reader.push(piece);
  if (state.kind === 'not-tls') return { ok: false, reason: 'tls-expected' };
  if (state.kind === 'defect') return { ok: false, reason: state.defect };
  return state.kind === 'hello' ? targetOf(state.hello, seen.all()) : null;
}

/** Always port 443, as in `https://name/`, since no ClientHello names a port. */
function targetOf({ sni, hasEch }: ClientHello, replay: Buffer): Heard {
  if (sni === null) return { ok: false, reason: hasEch ? 'sni-encrypted' : 'sni-missing' };
  if (hasEch && ECH_PUBLIC_NAMES.has(sni)) return { ok: false, reason: 'sni-encrypted' };
  const host = { kind: 'name', name: sni } as const;
  return { ok: true, target: { form: 'authority', scheme: null, host, port: HTTPS_PORT }, replay };
}
