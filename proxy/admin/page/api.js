/** The admin API, as the page uses it. */

/** An answer that does not come must not keep the page from asking again. */
const TIMEOUT_MS = 10_000;

/** Parsed JSON of a GET or, with a body, a POST. Throws an Error with words for a person; `isFinal` where asking again is no use. */
export async function ask(path, body) {
  const options =
    body === undefined
      ? {}
      : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(path, { ...options, signal: AbortSignal.timeout(TIMEOUT_MS) });
  const answer = await response.json().catch(() => null);
  if (!response.ok) {
    const error = new Error(answer?.explanation ?? `${path} answered ${response.status}`);
    throw Object.assign(error, { isFinal: response.status < 500 });
  }
  return answer;
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
