/** The door for `Upgrade` in absolute-form (RFC 9110 section 7.8): WebSocket and whatever else an origin agrees to. */
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Doorway } from '../door/arrivals.js';
import { closeAfter } from '../door/closing.js';
import type { Early } from '../door/early-data.js';
import type { Attempt } from '../door/flow.js';
import { members, values } from './fields.js';
import { type ForwardTerms, forward } from './forward.js';
import { hasContent, type RequestHead } from './request-head.js';

/**
 * True where the request asks for a switch that we carry. An Upgrade may be ignored (RFC 9110 section 7.8), and is, in
 * HTTP/1.0, for `h2c` (RFC 9113 section 3.1 has ended it) and for requests with content, which could not be told from the new protocol.
 */
export function carriesUpgrade(request: RequestHead): boolean {
  const protocols = members(request.rawHeaders, 'upgrade');
  return (
    protocols.length > 0 &&
    request.httpVersion === '1.1' &&
    members(request.rawHeaders, 'connection').includes('upgrade') &&
    !protocols.includes('h2c') &&
    !hasContent(request)
  );
}

/** Never rejects, and never leaves `socket` open. */
export async function upgrade(
  doorway: Doorway,
  request: IncomingMessage,
  socket: Socket,
  terms: Omit<ForwardTerms, 'onUpgraded'> & { readonly early: Early },
): Promise<void> {
  const response = new ServerResponse(request);
  const onDrain = (): void => void response.emit('drain');
  const detach = (): void => {
    socket.off('drain', onDrain);
    response.detachSocket(socket);
  };
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  // Lost while it waited its turn: what `close` would have said is said already.
  if (socket.destroyed) response.destroy();
  socket.on('drain', onDrain);
  terms.early.whenRefused(() => socket.destroy());
  response.on('finish', () => {
    detach();
    terms.early.drop();
    closeAfter(socket, NOTHING);
  });
  await forward(doorway, request, response, {
    ...terms,
    onUpgraded: (attempt, fields, upstream) => {
      detach();
      switchProtocols(doorway, attempt, { client: socket, upstream, fields, head: terms.early.take() });
    },
  });
}

const NOTHING = Buffer.alloc(0);

interface Switch {
  readonly client: Socket;
  readonly upstream: Socket;
  readonly fields: readonly string[];
  readonly head: Buffer;
}

function switchProtocols(doorway: Doorway, attempt: Attempt, { client, upstream, fields, head }: Switch): void {
  const lines = [
    'HTTP/1.1 101 Switching Protocols',
    'Connection: Upgrade',
    `Upgrade: ${values(fields, 'upgrade').join(', ')}`,
  ];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i]?.toLowerCase() ?? '';
    if (!['connection', 'upgrade', 'keep-alive', 'transfer-encoding'].includes(name))
      lines.push(`${fields[i]}: ${fields[i + 1]}`);
  }
  client.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  doorway.track(client, doorway.tunnel(attempt, { client, upstream, head, screen: null }));
}
