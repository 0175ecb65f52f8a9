/** How many connections are open, in all and for each client address. */
import type { Socket } from 'node:net';
import type { Limits } from '../config/config.js';
import { peerAddress } from './identify.js';

export interface Budget {
  /** Counts the connection until it closes. False: it is over a limit, and is to be heard only to be refused. */
  enter(socket: Socket): boolean;
  readonly open: number;
}

export function createBudget(limits: () => Limits): Budget {
  const perClient = new Map<string, number>();
  let open = 0;
  const leave = (address: string): void => {
    open -= 1;
    const left = (perClient.get(address) ?? 1) - 1;
    if (left === 0) perClient.delete(address);
    else perClient.set(address, left);
  };
  return {
    get open() {
      return open;
    },
    enter(socket) {
      const address = peerAddress(socket.remoteAddress);
      const mine = (perClient.get(address) ?? 0) + 1;
      open += 1;
      perClient.set(address, mine);
      socket.once('close', () => leave(address));
      const { connections, connectionsPerClient } = limits();
      return open <= connections && mine <= connectionsPerClient;
    },
  };
}
