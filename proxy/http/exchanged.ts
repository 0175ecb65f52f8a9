/** What is exchanged with an origin over one connection, who hears of it, and how it went. */
import type { Socket } from 'node:net';
import type { EgressError } from '../core/reasons.js';
import type { Claim } from '../net/memory-budget.js';
import type { ContentSource, ResponseWriter } from './client-side.js';
import type { ReceivedHead } from './response-head.js';

export interface ExchangeRequest {
  readonly method: string;
  /** The request-target in origin-form, or `*`. */
  readonly path: string;
  /** End-to-end, flat, with Host and Via; they include the Content-Length if there is one. */
  readonly fields: readonly string[];
  /** Null if there is none. */
  readonly content: ContentSource | null;
  /** The protocols of an Upgrade field, or null. */
  readonly upgrade: string | null;
  /** The client waits for `100 Continue` (RFC 9110 section 10.1.1), which is left to the origin. */
  expectsContinue: boolean;
}

export interface TimeLimits {
  /** Without a byte in either direction for this long, the exchange has failed. */
  readonly idleMs: number;
  /** For the head of a response, from its first byte to its last. */
  readonly headMs: number;
  /** Before the first byte of a response: shorter than `idleMs` if the connection may have died unnoticed. */
  readonly answerMs: number;
}

export interface Exchanged {
  readonly request: ExchangeRequest;
  readonly writer: ResponseWriter;
  /** Claims memory for incomplete heads. `refuse`: gives the exchange up. */
  claim(refuse: () => void): Claim;
  /** The head of the final response is about to be written. */
  onFinal(status: number): void;
  /** 101: the connection is now a tunnel, whose next bytes come from `socket`. `fields`: end-to-end ones, flat. */
  onUpgraded(fields: readonly string[], socket: Socket): void;
  /** The end, reported once; perhaps before the start has returned. */
  onExchanged(end: ExchangeEnd): void;
}

/** For whoever waits for the end with a promise. */
export type Exchanging = Omit<Exchanged, 'onExchanged'>;

/** Whoever provided the connection decides what becomes of it. */
export type ExchangeEnd =
  /** `isReusable`: the connection can take another request. `head`: that of the final response. */
  | { readonly kind: 'answered'; readonly isReusable: boolean; readonly head: ReceivedHead }
  | { readonly kind: 'upgraded' }
  /** `isUnanswered`: lost, or silent, before a byte of a response, and there was no content to send. */
  | { readonly kind: 'failed'; readonly error: EgressError; readonly isUnanswered: boolean };
