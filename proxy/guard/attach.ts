/** The raw stream of an attached client: bytes both ways, each end passed on by itself, and no limit on silence. */
import type { Socket } from 'node:net';

export interface AttachEnds {
  readonly client: Socket;
  /** What the client sent behind its request: standard input, and never another request. */
  readonly held: Buffer;
  readonly engine: Socket;
  readonly head: Buffer;
  /** The client sends no more: its process ended, or its standard input did. */
  readonly onClientEnd: () => void;
}

/** How long a client may take to close after its tool has ended. */
const LINGER_MS = 5_000;

/** Takes both sockets over; resolves when both are closed. */
export async function relayAttached({ client, held, engine, head, onClientEnd }: AttachEnds): Promise<void> {
  const done = Promise.all([closed(client), closed(engine)]);
  client.on('error', () => engine.destroy());
  client.on('close', () => engine.destroy());
  client.once('end', onClientEnd);
  client.once('close', onClientEnd);
  let hasEnded = false;
  engine.once('end', () => {
    hasEnded = true;
  });
  engine.on('error', () => {
    // Input after the end of the tool has no reader, and must not cost the client the output that is on its way.
    if (!hasEnded) client.destroy();
  });
  engine.on('close', () => {
    client.unpipe(engine);
    // Read to the end: closed with unread input, a Unix socket tells its client of a reset in place of an end.
    client.resume();
    client.setTimeout(LINGER_MS, () => client.destroy());
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

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.on('close', () => resolve());
  });
}
