/** Names for clients that no configuration names: the PTR name of their address, for logs only. */
import { type Address, parseAddress } from '../core/address.js';
import { classify, type LocalRanges } from '../core/special-purpose.js';
import type { Resolver } from '../net/resolver.js';
import type { Soon } from './soon.js';

export interface ClientLabels {
  /** At once, or within WAIT_MS; null if there is none. Never rejects. */
  of(address: string): Soon<string | null>;
}

/** The address of a tool that ended goes to the next one, often within a second: an old label would name the wrong tool. */
const KEEP_MS = 500;
const WAIT_MS = 100;
const ENTRIES = 4096;

/** What is known of an address, until it has to be asked again. */
interface Known {
  readonly label: Soon<string | null>;
  readonly until: number;
}

/** Docker's DNS answers `<container>.<network>`. Only private-use addresses are looked up: no container has a loopback one. */
export function createClientLabels(resolver: Resolver, here: () => LocalRanges): ClientLabels {
  const known = new Map<string, Known>();
  const keep = (text: string, label: Soon<string | null>, until: number): void => {
    known.delete(text);
    const [oldest] = known.size < ENTRIES ? [] : known.keys();
    if (oldest !== undefined) known.delete(oldest);
    known.set(text, { label, until });
  };
  const ask = async (text: string, address: Address): Promise<string | null> => {
    const label = await resolver.reverse(address);
    keep(text, label, performance.now() + KEEP_MS);
    return label;
  };
  return {
    of(text) {
      const found = known.get(text);
      if (found !== undefined && performance.now() < found.until) return found.label;
      const address = containerAddress(text, here());
      const label = address === null ? null : within(ask(text, address));
      keep(text, label, Number.POSITIVE_INFINITY);
      return label;
    },
  };
}

/** Null for an address that no container can have. */
function containerAddress(text: string, here: LocalRanges): Address | null {
  const address = parseAddress(text);
  if (address === null) return null;
  const kind = classify(address, here).is;
  return kind.kind === 'special' && kind.opensByName ? address : null;
}

function within(label: Promise<string | null>): Promise<string | null> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(null), WAIT_MS);
    void label.then((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}
