/** What the admin API needs to change what is in force while the proxy runs. */
import type { PolicyFile } from '../config/policy-file.js';
import type { Book } from '../decide/book.js';
import type { GrantDraft } from '../decide/grant.js';
import type { Questions } from '../decide/questions.js';
import type { Vetting } from '../door/vet-grant.js';

/** For the stream: something to look at again, or a question. */
export type News =
  | { readonly event: 'changed'; readonly what: 'grants' | 'pauses' | 'policy' }
  | { readonly event: 'question' | 'question-ended'; readonly json: string };

export interface RunTimeControl {
  readonly book: Book;
  readonly questions: Questions;
  /** Where grants are kept, and what is wrong with that place. */
  readonly state: { readonly path: string | null; readonly error: string | null };
  readonly file: PolicyFile;
  /** Null: nobody is asked. */
  ask(): { readonly holdMs: number } | null;
  /** Reads the policy file again, now. */
  reload(): void;
  vet(draft: GrantDraft): Promise<Vetting>;
  /** What to look at twice in this host, in ASCII: that it looks like another one that is allowed, or is in other letters. */
  warning(host: string): string | null;
  /** Resolves, with how many were closed, when every open connection has been judged by what is in force. */
  settled(): Promise<number>;
  /** Returns a function that stops listening. */
  listen(listener: (news: News) => void): () => void;
}
