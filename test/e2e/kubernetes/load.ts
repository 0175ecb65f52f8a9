/** Run in a tool: new connections at a steady rate until standard input ends; prints how many there were and what was lost. */
import http from 'node:http';

const { proxy, url, everyMs }: { proxy: { host: string; port: number }; url: string; everyMs: number } = JSON.parse(
  process.argv[2] ?? '{}',
);
const lost: Record<string, number> = {};
const open = new Set<Promise<void>>();
let sent = 0;

function ask(): Promise<string> {
  return new Promise((resolve) => {
    const headers = { host: new URL(url).host, connection: 'close' };
    const request = http.request({ ...proxy, path: url, headers, agent: false, timeout: 120_000 }, (response) => {
      response.resume();
      response.on('error', (error) => resolve(error.message));
      response.on('end', () => resolve(String(response.statusCode)));
    });
    request.on('timeout', () => request.destroy(new Error('timeout')));
    request.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    request.end();
  });
}

const timer = setInterval(() => {
  sent += 1;
  const one = ask().then((result) => {
    open.delete(one);
    if (result !== '200') lost[result] = (lost[result] ?? 0) + 1;
  });
  open.add(one);
}, everyMs);
process.stdout.write('ready\n');
process.stdin.resume();
process.stdin.on('end', async () => {
  clearInterval(timer);
  await Promise.all(open);
  process.stdout.write(`${JSON.stringify({ sent, lost })}\n`);
});
