/** Clients of docs/clients.md whose tests are no list: what they need, and the test that names them. */

export const OTHERS: readonly (readonly [name: string, needs: string, test: string])[] = [
  ['git', 'as curl, or `git config http.proxy`; SSH ignores it', 'clients.test.ts'],
  ['.NET HttpClient', '`HTTP_PROXY`, `HTTPS_PROXY`', 'challenge.test.ts'],
  ['Maven', '`proxies` in its `settings.xml`', 'challenge.test.ts'],
  ['Chromium by Playwright', 'the option `proxy: { server, username, password }`', 'challenge.test.ts'],
];
