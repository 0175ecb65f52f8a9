/** The door for `Upgrade` in absolute-form (RFC 9110 section 7.8): WebSocket and whatever else an origin agrees to. */
import type { Socket } from 'node:net';
import type { Arrivals } from '../door/arrivals.js';
import { closeAfter } from '../door/closing.js';
import { EarlyData } from '../door/early-data.js';
import type { Flow } from '../door/flow.js';
import type { Standing } from '../door/standings.js';
import type { Side } from '../net/side.js';
import type { ForwardDoor, ForwardOwner } from './asked.js';
import type { ClientRequest } from './client-request.js';
import { ClientResponse } from './client-response.js';
import type { TakeOverOptions } from './connection-options.js';
import { values } from './fields.js';
import { forward } from './forward.js';
import { responseFields } from './passed-on.js';
import { noted } from './response-head.js';

/** Never rejects, and never leaves `client` open. */
export async function upgrade(
  arrivals: Arrivals,
  request: ClientRequest,
  client: Side,
  { door, busy: isBusy, rest }: TakeOverOptions & { readonly door: ForwardDoor },
): Promise<void> {
  const { socket } = client;
  const early = new EarlyData(arrivals, socket, rest);
  const response = new ClientResponse(socket, request, false);
  let isSwitched = false;
  client.inherit({ ended: () => undefined, closed: () => response.onLost() });
  early.start({ onNoMemory: () => response.cutForMemory(), onFull: () => response.noteUnread() });
  const onUpgraded: ForwardOwner['onUpgraded'] = (flow, fields, upstream, standing) => {
    isSwitched = true;
    try {
      switchProtocols(arrivals, flow, { client, upstream, fields, head: early.all(), standing });
    } catch (error) {
      upstream.destroy();
      arrivals.onDefect(error);
      socket.destroy();
    }
  };
  await new Promise<void>((onForwarded) => {
    forward(arrivals, { request, response, door, owner: { isBusy, onUpgraded, onForwarded } });
  });
  if (isSwitched) return;
  await over(response);
  early.drop();
  if (socket.destroyed) return;
  closeAfter(arrivals.deadlines, client, NOTHING);
}

const NOTHING = Buffer.alloc(0);

async function over(response: ClientResponse): Promise<void> {
  if (response.isOver || response.socket.destroyed) return;
  await new Promise<void>((onOver) => {
    response.owner = { onOver };
  });
}

interface Switch {
  readonly client: Side;
  readonly upstream: Socket;
  readonly fields: readonly string[];
  readonly head: Buffer;
  readonly standing: Standing;
}

function switchProtocols(arrivals: Arrivals, flow: Flow, { client, upstream, fields, head, standing }: Switch): void {
  const lines = [
    'HTTP/1.1 101 Switching Protocols',
    'Connection: Upgrade',
    `Upgrade: ${values(fields, 'upgrade').join(', ')}`,
  ];
  const passed = responseFields(fields, { minor: 1, status: 101, noted: noted(fields) });
  for (let i = 0; i + 1 < passed.length; i += 2) lines.push(`${passed[i]}: ${passed[i + 1]}`);
  client.socket.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  arrivals.tunnel(flow, { client, upstream, head, screen: null, standing });
}
