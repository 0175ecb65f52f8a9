/** What a browser gets that has not shown the token: it asks for it, and opens the page. */
import { hasGivenKey } from './api.js';
import { bindLogin, openSession } from './session.js';

bindLogin(() => location.reload());
// After a link of another site with the token in it: the cookie is there, but was not shown with that first request.
if (hasGivenKey() && (await openSession().catch(() => false))) location.reload();
