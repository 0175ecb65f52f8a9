// Stands in for a public web site, over HTTP and HTTPS.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';

const answer = (scheme) => (request, response) => {
  response.setHeader('content-type', 'text/plain');
  response.end(`public site, over ${scheme}, asked for ${request.headers.host}\n`);
};

createServer(answer('http')).listen(80);
createTlsServer({ key: readFileSync('site.key'), cert: readFileSync('site.pem') }, answer('https')).listen(443);
process.on('SIGTERM', () => process.exit(0));
