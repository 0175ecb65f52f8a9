/** What a browser gets that has not shown the token: it asks for it, and opens the page. */
import { bindLogin } from './session.js';

bindLogin(() => location.reload());
