/** Run in a tool: asks the proxy for each URL, and prints each as `[status, reason or text]` in one line of JSON. */
import http from 'node:http';

const { proxy, urls }: { proxy: { host: string; port: number }; urls: readonly string[] } = JSON.parse(
  process.argv[2] ?? '{}',
);

function ask(url: string): Promise<readonly [number, string]> {
  return new Promise((resolve) => {
    const headers = { host: new URL(url).host };
    const request = http.get({ ...proxy, path: url, headers, agent: false }, (response) => {
      let text = '';
      response.on('data', (piece: Buffer) => (text += piece.toString()));
      response.on('end', () =>
        resolve([response.statusCode ?? 0, text.startsWith('{') ? JSON.parse(text).reason : text]),
      );
    });
    request.on('error', (error: NodeJS.ErrnoException) => resolve([0, error.code ?? error.message]));
  });
}

process.stdout.write(`${JSON.stringify(await Promise.all(urls.map(ask)))}\n`);
