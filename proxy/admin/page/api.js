/** The admin API, as the page uses it. */

const KEY = 'egress-key';
/** From the URL, and not shown to be right yet: any page can lead a browser to such a URL. */
let given = keyOfUrl();
/** Where a browser stores nothing, the key lasts as long as the page. */
let unstored = null;

function keyOfUrl() {
  const [, found = null] = /^#key=([0-9a-f]{64})$/.exec(location.hash) ?? [];
  if (found !== null) history.replaceState(null, '', location.pathname + location.search);
  return found;
}

/** In the storage of this origin, port and all: a cookie alone goes to every server of this host. */
function currentKey() {
  if (given !== null || unstored !== null) return given ?? unstored;
  try {
    // Each time: who signs in with another tab has a new one.
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

/** True until it is known whether it is right. */
export function hasGivenKey() {
  return given !== null;
}

/** From now on; `wanted`: what the server answered to the token. */
export function keepKey(wanted) {
  [given, unstored] = [null, null];
  try {
    localStorage.setItem(KEY, wanted);
  } catch {
    unstored = wanted;
  }
}

/** The one of the URL has opened. */
export function keepGivenKey() {
  if (given !== null) keepKey(given);
}

/** The one of the URL, if any, opens nothing. True where it was one: the one that was kept may. */
export function dropGivenKey() {
  const had = hasGivenKey();
  given = null;
  return had;
}

/** For requests that the browser makes by itself, without our fields. */
export function withKey(path) {
  const key = currentKey();
  return key === null ? path : `${path}${path.includes('?') ? '&' : '?'}key=${key}`;
}

/** An answer that does not come must not keep the page from asking again. */
const TIMEOUT_MS = 10_000;

/**
 * The parsed JSON of an answer. Throws an Error with words for a person; `token` and `answer` are what the API said,
 * `isFinal` is true if asking again is useless.
 */
export async function send(method, path, body) {
  const key = currentKey();
  const headers = key === null ? {} : { 'x-egress-key': key };
  const options =
    body === undefined
      ? { method, headers }
      : { method, headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body) };
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
