/** The TLS door: the ClientHello says where the connection is to go, and all bytes are relayed as they came. */
import { type Heard, type Hearing, MORE, type Outcome, refusedAs, type TunnelDoor } from '../door/hearing.js';
import { HTTPS_PORT } from '../door/steered-ports.js';
import { refusalAlert } from './alert.js';
import { type ClientHello, HelloReader } from './client-hello.js';

/**
 * Names that exist only as outer names of Encrypted Client Hello (RFC 9849), which hide a name that nobody on the way can read.
 * A browser's GREASE extension comes with the true name, and passes.
 */
const ECH_PUBLIC_NAMES: ReadonlySet<string> = new Set(['cloudflare-ech.com']);

/** A refused client gets a TLS alert. */
export const tlsDoor: TunnelDoor = {
  name: 'steer-tls',
  hearing: () => new HelloHearing(),
  unfinished: 'malformed-hello',
  granted: null,
  refused: refusalAlert,
};

/** Is done with nothing, since the destination is to get all of it. */
class HelloHearing implements Hearing {
  readonly #reader = new HelloReader();
  /** How much has been read of what is held. */
  #read = 0;

  hear(held: Buffer): Heard {
    const state = this.#reader.push(this.#read === 0 ? held : held.subarray(this.#read));
    this.#read = held.length;
    if (state.kind === 'need-more') return MORE;
    if (state.kind === 'not-tls') return refusedAs('tls-expected');
    return state.kind === 'defect' ? refusedAs(state.defect) : targetOf(state.hello);
  }
}

/** Always port 443, as in `https://name/`, since no ClientHello names a port. */
function targetOf({ sni, hasEch }: ClientHello): Outcome {
  if (sni === null) return refusedAs(hasEch ? 'sni-encrypted' : 'sni-missing');
  if (hasEch && ECH_PUBLIC_NAMES.has(sni)) return refusedAs('sni-encrypted');
  const host = { kind: 'name', name: sni } as const;
  return { kind: 'target', taken: 0, target: { form: 'authority', scheme: null, host, port: HTTPS_PORT } };
}
