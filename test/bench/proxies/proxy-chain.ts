/** proxy-chain with one refused address, as its users configure it. */
import { RequestError, Server } from 'proxy-chain';

const server = new Server({
  host: '127.0.0.1',
  port: Number(process.argv[2]),
  prepareRequestFunction: ({ hostname }) => {
    if (hostname === process.argv[3]) throw new RequestError('denied', 403);
    return {};
  },
});
await server.listen();
