/**
 * Pipelined requests, one at a time (RFC 9112 section 9.3.2): their order holds upstream as well, and one connection of
 * a client never means more than one connection of ours.
 */
import { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export interface Turns {
  /**
   * Runs `work` once all that was taken before for this socket is through; at once where nothing is under way. Through
   * is when the last byte of the response has left: one that waits for a slow reader holds the next one back, and does
   * not pile up beside it. `response` is destroyed where an earlier one has closed the connection.
   */
  take(socket: Socket, response: ServerResponse, work: () => Promise<void>): Promise<void>;
  /** For work that takes the connection over: waits until every answer before it is out. */
  takeOver(socket: Socket, work: () => Promise<void>): Promise<void>;
}

/** What a client may have waiting before its connection is cut: more is no pipeline but a flood. */
const MOST_WAITING = 128;

export function createTurns(): Turns {
  const lines = new WeakMap<Socket, { last: Promise<void>; waiting: number }>();
  const inTurn = (socket: Socket, work: () => Promise<void>): Promise<void> => {
    const line = lines.get(socket) ?? { last: Promise.resolve(), waiting: 0 };
    lines.set(socket, line);
    if (line.waiting >= MOST_WAITING) socket.destroy();
    const turn = line.waiting === 0 ? work() : line.last.then(work);
    line.waiting += 1;
    line.last = turn
      .catch(() => undefined)
      .finally(() => {
        line.waiting -= 1;
      });
    return turn;
  };
  return {
    takeOver(socket, work) {
      if (answerUnderWay(socket) === null) return inTurn(socket, work);
      const answered = untilAnswered(socket);
      return inTurn(socket, () => answered.then(work));
    },
    take(socket, response, work) {
      return inTurn(socket, async () => {
        if (response.socket === null) response.destroy();
        await work();
        await sent(response);
      });
    },
  };
}

/** The response that Node is writing on this connection, or null. */
export function answerUnderWay(socket: Socket): ServerResponse | null {
  const message: unknown = Reflect.get(socket, '_httpMessage');
  return message instanceof ServerResponse ? message : null;
}

/**
 * Resolves when nothing is being answered on `socket`. For a request that takes the connection over: Node has let go
 * of the socket by then, so the news that there is room to write is passed on here.
 */
export async function untilAnswered(socket: Socket): Promise<void> {
  const onDrain = (): void => void answerUnderWay(socket)?.emit('drain');
  socket.on('drain', onDrain);
  for (let answer = answerUnderWay(socket); answer !== null && !socket.closed; answer = answerUnderWay(socket)) {
    await new Promise((resolve) => answer?.once('close', resolve));
  }
  socket.off('drain', onDrain);
  // Of a lost connection: what is left on it would be in the way of the answer that nobody will read.
  answerUnderWay(socket)?.detachSocket(socket);
}

/** Node takes the socket from a response that has left, and gives it to the next one, in the event `finish`. */
function sent(response: ServerResponse): Promise<void> {
  if (response.socket === null || response.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    response.once('finish', resolve).once('close', resolve);
  });
}
