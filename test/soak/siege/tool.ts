/** One hostile tool, in a process of its own: every attack at once, from one address, until its parent ends it. */
import net, { type Socket } from 'node:net';
import { constants, setPriority } from 'node:os';
import type { Siege } from './siege.js';

/** Connections that an attack keeps open, and how often it opens a new one where one was closed. */
interface Attack {
  readonly connections: number;
  begin(siege: Siege, socket: Socket): void;
}

const LIFE_MS = 20_000;
/** After one connection has ended: nobody could be accepted beside a flood of connections alone. */
const AGAIN_MS = 500;
const REFUSED = 'GET http://10.0.0.1/ HTTP/1.1\r\nHost: a\r\n\r\n';
const MANY_FIELDS = 'a:\r\n'.repeat(90);

const ATTACKS: readonly Attack[] = [
  // Heads that are pipelined while one waits for an answer that never comes
  {
    connections: 40,
    begin: ({ accomplice }, socket) => {
      const head = `GET http://${accomplice}/head HTTP/1.1\r\nHost: a\r\n${MANY_FIELDS}\r\n`;
      socket.write(head.repeat(200));
    },
  },
  // Refusals that are asked for and not read
  {
    connections: 100,
    begin: (_, socket) => {
      socket.pause();
      socket.write(REFUSED.repeat(2000));
    },
  },
  // Refusals that are read: 32 in a piece, again and again
  {
    connections: 100,
    begin: (_, socket) => {
      let left = 0;
      const ask = (): void => {
        left = 32;
        socket.write(REFUSED.repeat(32));
      };
      socket.on('data', (bytes: Buffer) => {
        left -= bytes.toString('latin1').split('HTTP/1.1 403').length - 1;
        if (left <= 0) ask();
      });
      ask();
    },
  },
  // Response heads without an end
  {
    connections: 40,
    begin: ({ accomplice }, socket) => void socket.write(`GET http://${accomplice}/head HTTP/1.1\r\nHost: a\r\n\r\n`),
  },
  // Tunnels and downloads whose bytes are not read, and bytes sent before the tunnel is open
  {
    connections: 120,
    begin: ({ accomplice }, socket) => {
      socket.pause();
      socket.write(`CONNECT ${accomplice} HTTP/1.1\r\nHost: ${accomplice}\r\n\r\nGET /bytes `);
      socket.write(Buffer.alloc(200_000, 'x'));
    },
  },
  {
    connections: 30,
    begin: ({ accomplice }, socket) => {
      socket.pause();
      socket.write(`GET http://${accomplice}/bytes HTTP/1.1\r\nHost: a\r\n\r\n`);
    },
  },
  // Names, each with an answer as large as one can be
  {
    connections: 20,
    begin: (_, socket) => {
      const ask = (): void => {
        const name = `n${process.pid}-${names++}.flood.test`;
        socket.write(`GET http://${name}:80/ HTTP/1.1\r\nHost: a\r\n\r\n`);
      };
      socket.on('data', ask);
      ask();
    },
  },
  // A field full of spaces
  {
    connections: 5,
    begin: ({ accomplice }, socket) => {
      const head = `POST http://${accomplice}/head HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: a`;
      socket.write(`${head}${' '.repeat(15_000)}b\r\n\r\n0\r\n\r\n`);
    },
  },
  // Half a head, and half a handshake
  { connections: 40, begin: (_, socket) => void socket.write('CONNECT a:1 HTTP/1.1\r\nX: ') },
];

const HALF_ADMIN_REQUESTS = 300;

let names = 0;

// What is measured is the proxy, not how three tools share this machine's processors with it.
setPriority(constants.priority.PRIORITY_LOW);

process.on('message', (siege: Siege) => {
  for (const attack of ATTACKS)
    for (let i = 0; i < attack.connections; i++)
      keepAt(siege, siege.proxyPort, (socket) => attack.begin(siege, socket));
  for (let i = 0; i < HALF_ADMIN_REQUESTS; i++)
    keepAt(siege, siege.adminPort, (socket) => void socket.write('GET /metrics HTTP/1.1\r\nHost: a\r\nX: '));
});
process.on('disconnect', () => process.exit(0));

/** A connection to `port`, and another one when it has ended. */
function keepAt(siege: Siege, port: number, begin: (socket: Socket) => void): void {
  const socket = net.connect({ host: '127.0.0.1', port, localAddress: siege.address });
  const timer = setTimeout(() => socket.destroy(), LIFE_MS * (0.5 + Math.random()));
  socket.on('error', () => socket.destroy());
  socket.on('connect', () => {
    socket.on('data', () => undefined);
    begin(socket);
  });
  socket.on('close', () => {
    clearTimeout(timer);
    setTimeout(() => keepAt(siege, port, begin), AGAIN_MS);
  });
}
