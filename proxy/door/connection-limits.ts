/** How many connections are open, in all and for each client address. */
import type { Socket } from 'node:net';
import type { Limits } from '../config/config.js';
import { peerAddress } from './clients.js';

export interface Budget {
  /**
   * Counts the connection until it closes. False: it is over a limit, and is to be heard only to be refused; a flood
   * beyond that is closed unheard.
   */
  enter(socket: Socket): boolean;
  readonly open: number;
}

/** How many connections over a limit are heard and refused with a reason, before they are a flood. */
export const HEARD = 1024;

/** What one client has over its own limit takes nothing of the limit for all: it would lock the others out. */
export function createBudget(limits: () => Limits): Budget {
  const perClient = new Map<string, number>();
  let open = 0;
  let withinShare = 0;
  const leave = (address: string, isOverShare: boolean): void => {
    open -= 1;
    if (!isOverShare) withinShare -= 1;
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
      const { connections, connectionsPerClient } = limits();
      const isOverShare = mine > connectionsPerClient;
      open += 1;
      if (!isOverShare) withinShare += 1;
      perClient.set(address, mine);
      socket.once('close', () => leave(address, isOverShare));
      if (mine > connectionsPerClient + HEARD || withinShare > connections + HEARD) socket.destroy();
      return !isOverShare && withinShare <= connections;
    },
  };
}
