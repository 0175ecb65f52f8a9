/** The listener of the admin API with the API of build.ts behind it, for tests. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { createAdminServer, type FrontOptions } from '../../proxy/admin/front.js';
import { adminWith } from './build.js';

export async function openFront(context: TestContext, changes: Partial<FrontOptions> = {}) {
  const server = createAdminServer({
    state: () => 'ready',
    load: async () => {
      const { app } = adminWith({ token: '0123456789abcdef', loopback: false });
      await app.ready();
      return (request, response) => app.routing(request, response);
    },
    onDefect: (error) => {
      throw error;
    },
    ...changes,
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { server, port, url: `http://127.0.0.1:${port}` };
}
