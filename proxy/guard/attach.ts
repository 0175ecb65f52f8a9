/** The raw stream of an attached client: bytes in both directions, which end independently, and no limit on silence. */
import type { Socket } from 'node:net';
import { destroyAfter } from './client-connection.js';

export interface AttachEnds {
  readonly client: Socket;
  /** What the client sent after its request: standard input, and never another request. */
  readonly held: Buffer;
  readonly engine: Socket;
  readonly head: Buffer;
  /** The client sends no more: its process ended, or its standard input did. */
  readonly onClientEnd: () => void;
}

/** How long a client may take, after its tool has ended, to read the rest and to close. */
const LINGER_MS = 30_000;

/** Takes both sockets over; resolves when both are closed. */
export async function relayAttached({ client, held, engine, head, onClientEnd }: AttachEnds): Promise<void> {
  const done = Promise.all([closed(client), closed(engine)]);
  outliveLostInput(engine);
  client.on('error', () => engine.destroy());
  client.on('close', () => engine.destroy());
  client.once('end', onClientEnd);
  client.once('close', onClientEnd);
  // An engine that closes with unread input causes a reset, but the client still has to get what came before it.
  engine.on('error', () => client.end());
  engine.once('end', () => engine.end());
  engine.once('close', () => {
    client.unpipe(engine);
    // Read to the end, because closing a Unix socket with unread input gives the client a reset instead of an end.
    client.resume();
    client.end();
    destroyAfter(client, LINGER_MS);
  });
  if (head.length > 0) client.write(head);
  if (held.length > 0) engine.write(held);
  engine.pipe(client);
  if (client.readableEnded) {
    engine.end();
    onClientEnd();
  } else client.pipe(engine);
  await done;
}

/**
 * Input that comes after the tool has ended cannot be written. Node destroys a socket on a failed write, and with it what was
 * received but not read yet: the last output of the tool. So the failure is kept from Node; reading still ends by itself.
 */
function outliveLostInput(engine: Socket): void {
  const write = engine._write.bind(engine);
  engine._write = (chunk, encoding, done) => write(chunk, encoding, () => done());
  const writev = engine._writev?.bind(engine);
  if (writev !== undefined) engine._writev = (chunks, done) => writev(chunks, () => done());
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.on('close', () => resolve());
  });
}
