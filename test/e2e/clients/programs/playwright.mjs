import { chromium } from 'playwright-core';

const { hostname, port, username, password } = new URL(process.env.PROXY_OF_THE_PROGRAM);
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox'],
  proxy: { server: `http://${hostname}:${port}`, username, password },
});
const page = await browser.newPage({ ignoreHTTPSErrors: true });
for (const url of process.argv.slice(2)) {
  const answer = await page.goto(url);
  console.log(answer.status(), await answer.text());
}
await browser.close();
