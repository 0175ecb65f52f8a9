/** The admin API, as the page uses it. */

/** An answer that does not come must not keep the page from asking again. */
const TIMEOUT_MS = 10_000;

/**
 * The parsed JSON of an answer. Throws an Error with words for a person; `token` and `answer` are what the API said,
 * `isFinal` is true if asking again is useless.
 */
export async function send(method, path, body) {
  const options =
    body === undefined
      ? { method }
      : { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(path, { ...options, signal: AbortSignal.timeout(TIMEOUT_MS) });
  const answer = await response.json().catch(() => null);
  if (response.ok) return answer;
  const mistakes = (answer?.errors ?? []).map(({ path: place, expected }) => `${place}: ${expected}`);
  const error = new Error([answer?.explanation ?? `${path} answered ${response.status}`, ...mistakes].join(' '));
  throw Object.assign(error, { isFinal: response.status < 500, token: answer?.error ?? null, answer });
}

/** A GET or, with a body, a POST. */
export function ask(path, body) {
  return body === undefined ? send('GET', path) : send('POST', path, body);
}

/** The reasons with their sentences; empty until they are loaded. */
const reasons = new Map();

export async function loadReasons() {
  for (const [token, row] of Object.entries(await ask('/v1/reasons'))) reasons.set(token, row.sentence);
  return [...reasons.keys()];
}

/** The sentence of a reason, or its token where it has none. */
export function inWords(reason) {
  return reason === null ? '' : (reasons.get(reason) ?? reason);
}
