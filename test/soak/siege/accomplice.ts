/** The origin of hostile tools, in a process of its own: what it answers depends on the path, and nothing of it is an answer. */
import net from 'node:net';
import { constants, setPriority } from 'node:os';

const PIECE = Buffer.alloc(256 * 1024, 'x');
/** Well over what a client would read of one. */
const MOST_FIELDS = 100_000;

const server = net.createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => socket.destroy());
  socket.once('data', (head: Buffer) => {
    socket.resume();
    const [, path = ''] = head.toString('latin1').split(' ', 2);
    if (path === '/head') return void headWithoutEnd(socket);
    // Anything else, a tunnel among it: bytes without an end.
    const fill = (): void => {
      while (socket.writable && socket.write(PIECE));
    };
    socket.on('drain', fill);
    fill();
  });
});

/** One field after the other, as slowly as keeps the connection alive. */
async function headWithoutEnd(socket: net.Socket): Promise<void> {
  socket.write('HTTP/1.1 200 OK\r\n');
  for (let i = 0; i < MOST_FIELDS && !socket.destroyed; i++) {
    socket.write(`x-${i}: ${'y'.repeat(20)}\r\n`.repeat(20));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

setPriority(constants.priority.PRIORITY_LOW);
server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => process.send?.(server.address()));
process.on('disconnect', () => process.exit(0));
