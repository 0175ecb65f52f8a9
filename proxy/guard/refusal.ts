/** A refusal of the guard, as a value and as what is thrown where a table is read. */
import { SPAWN_REASONS, type SpawnReason } from '../core/spawn-reasons.js';

export interface SpawnRefusal {
  readonly reason: SpawnReason;
  readonly status: number;
  /** For the client to show to a person: the field, why, and what to do. */
  readonly message: string;
  /** The field of the create request, the key of the query or the like; null for the request as a whole. */
  readonly field: string | null;
}

export function refuse(reason: SpawnReason, message: string, field: string | null = null): SpawnRefusal {
  return { reason, status: SPAWN_REASONS[reason], message, field };
}

/** The gateway carries on after "not found"; any other error on a read ends it. */
export function notFound(reason: SpawnReason, message: string): SpawnRefusal {
  return { reason, status: 404, message, field: null };
}

/** A refusal as it is thrown where a table is read, and caught once, in exchange.ts. */
export class Refused extends Error {
  readonly refusal: SpawnRefusal;

  constructor(refusal: SpawnRefusal) {
    super(refusal.message);
    this.refusal = refusal;
  }
}

/** A text of the client as a message may show it: short, on one line, in quotes. */
export function quote(text: string): string {
  const cut = text.length > 80 ? `${text.slice(0, 80)}…` : text;
  return JSON.stringify(cut);
}
