/** The page of all reasons, as a text. */
import { REASONS } from '../proxy/core/reasons.js';

const HEAD = `# Reasons

Why a request was refused, or failed. The token is in the status line, in the field \`Proxy-Status\` (RFC 9209), in the JSON body
and in the log. \`deny\`: the policy or the request itself is the reason (\`"error":"egress-denied"\`). \`fail\`: the destination could not
be reached (\`"error":"egress-failed"\`).

This page is written by \`npm run reasons\` from [proxy/core/reasons.ts](../proxy/core/reasons.ts).

| reason | status | Proxy-Status error | outcome | meaning |
|---|---|---|---|---|
`;

export function reasonsPage(): string {
  const rows = Object.entries(REASONS).map(
    ([reason, { outcome, status, error, sentence }]) =>
      `| \`${reason}\` | ${status} | \`${error}\` | ${outcome} | ${sentence} |\n`,
  );
  return HEAD + rows.join('');
}
