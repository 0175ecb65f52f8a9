/** Questions to the DNS door of a stand, over UDP and TCP. */
import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { TestContext } from 'node:test';
import dnsPacket, { type DecodedPacket, type RecordType } from 'dns-packet';
import { readAll, type Stand } from '../door/stand.js';

export async function askUdp(
  context: TestContext,
  stand: Stand,
  name: string,
  type: RecordType,
  at = '127.0.0.1',
): Promise<DecodedPacket> {
  const socket = dgram.createSocket('udp4');
  context.after(() => socket.close());
  socket.send(question(name, type), stand.port('steer.dns'), at);
  const [answer] = await once(socket, 'message');
  return dnsPacket.decode(answer);
}

export async function askTcp(
  _context: TestContext,
  stand: Stand,
  name: string,
  type: RecordType,
): Promise<DecodedPacket> {
  const socket: Socket = await stand.connect('steer.dns');
  socket.end(framed(question(name, type)));
  const answer = await readAll(socket);
  assert.equal(answer.readUInt16BE(0), answer.length - 2);
  return dnsPacket.decode(answer.subarray(2));
}

export function question(name: string, type: RecordType): Buffer {
  return dnsPacket.encode({ type: 'query', id: 7, flags: dnsPacket.RECURSION_DESIRED, questions: [{ type, name }] });
}

export function framed(packet: Buffer): Buffer {
  return Buffer.concat([Buffer.from([packet.length >> 8, packet.length & 255]), packet]);
}

export function addresses(answer: DecodedPacket): unknown[] {
  return (answer.answers ?? []).map((record) => ('data' in record ? record.data : null));
}

export function rcode(answer: DecodedPacket): unknown {
  return 'rcode' in answer ? answer.rcode : null;
}
