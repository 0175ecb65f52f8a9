import { fetch, ProxyAgent } from 'undici';

const dispatcher = new ProxyAgent(process.env.HTTPS_PROXY);
for (const url of process.argv.slice(2)) {
  const answer = await fetch(url, { dispatcher });
  console.log(answer.status, await answer.text());
}
await dispatcher.close();
