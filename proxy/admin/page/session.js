/** Whether this browser may change anything, and the form that asks for the token. */
import { ask, dropGivenKey, keepGivenKey, keepKey } from './api.js';
import { byId } from './dom.js';

/** As the API says it: `decides` is false where nothing can be decided at run time. */
let session = { canWrite: false, needsToken: false, decides: false };

export function canWrite() {
  return session.canWrite;
}

export function canDecide() {
  return session.decides;
}

/** Asks again who this is. Resolves with false where this browser may not even read: then the form is shown. */
export async function openSession() {
  session = await ask('/v1/session');
  if (session.canWrite) keepGivenKey();
  else if (dropGivenKey()) session = await ask('/v1/session');
  const mayRead = session.canWrite || !session.needsToken;
  byId('login').hidden = mayRead;
  return mayRead;
}

/** Shows the form, since something is to be changed. */
export function askForToken() {
  byId('login').hidden = false;
  byId('login').elements.token.focus();
}

/** `onOpen`: this browser has shown the token. */
export function bindLogin(onOpen) {
  const form = byId('login');
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const problem = byId('login-problem');
    try {
      const { key } = await ask('/v1/session', { token: form.elements.token.value.trim() });
      keepKey(key);
      form.elements.token.value = '';
      problem.textContent = '';
      onOpen();
    } catch (error) {
      problem.textContent = error.message;
      form.elements.token.focus();
    }
  });
}
