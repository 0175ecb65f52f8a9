/** Connections that end badly, in every phase that one has: each is open for a moment and is never an orderly client. */
import { randomBytes, randomInt } from 'node:crypto';
import type { Socket } from 'node:net';
import { connectRequest, open, type Place } from './client.js';

type Attack = (place: Place) => Socket;

const ATTACKS: readonly Attack[] = [
  // Connected and reset
  (place) => when(open(place), 'connect', (socket) => socket.resetAndDestroy()),
  // Half a head, then a reset
  (place) => sending(place, 'CONNECT exam', (socket) => socket.resetAndDestroy()),
  // A whole CONNECT, reset before the answer
  (place) => sending(place, connectRequest(place.origin), (socket) => socket.resetAndDestroy()),
  // A tunnel that stands, reset with bytes under way
  (place) =>
    when(sending(place, connectRequest(place.origin)), 'data', (socket) => {
      socket.write(randomBytes(4096));
      socket.resetAndDestroy();
    }),
  // A tunnel that is ended by both sides at once
  (place) => when(sending(place, connectRequest(place.origin)), 'data', (socket) => socket.destroy()),
  // A request whose answer nobody waits for
  (place) => sending(place, `GET http://${place.origin}/ HTTP/1.1\r\nHost: a\r\n\r\n`, (socket) => socket.destroy()),
  // Content that breaks off
  (place) =>
    sending(place, `POST http://${place.origin}/ HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\nx`, (socket) =>
      socket.resetAndDestroy(),
    ),
  // Garbage
  (place) => when(sending(place, randomBytes(randomInt(1, 200))), 'data', (socket) => socket.destroy()),
  // A target that is refused, its answer unread
  (place) => sending(place, connectRequest('169.254.169.254:80'), (socket) => socket.destroy()),
  // A request in a pipeline after a refused one
  (place) => sending(place, connectRequest('10.0.0.1:80').repeat(3), (socket) => socket.resetAndDestroy()),
];

/** A connection lives no longer than this, whatever its attack waits for. */
const LIFE_MS = 1000;

/** One attack, picked at random. */
export function attack(place: Place): void {
  const one = ATTACKS[randomInt(ATTACKS.length)];
  const socket = one?.(place);
  socket?.setTimeout(LIFE_MS, () => socket.destroy());
}

function sending(place: Place, bytes: string | Buffer, then: (socket: Socket) => void = () => undefined): Socket {
  const socket = open(place);
  socket.write(bytes, () => then(socket));
  return socket;
}

function when(socket: Socket, event: 'connect' | 'data', act: (socket: Socket) => void): Socket {
  return socket.once(event, () => act(socket));
}
