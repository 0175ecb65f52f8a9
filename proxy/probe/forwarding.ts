/**
 * Whether the proxy's kernel forwards packets. A datagram for an address of this container is sent in a frame to the proxy's
 * MAC address: a host drops what is not for it, a router sends it back here. Nothing leaves the tools' network.
 *
 * Node has no raw sockets, so a program of the seat sends the frame, as a tool's own could: python3 or perl. The proxy's image
 * has neither and gets none, because a program that can forge packets has no place in a sidecar. DECISIONS 137.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { NetworkInterfaceInfo } from 'node:os';
import { type Address, addressFromBytes, contains, parseAddress, prefixOf, sameAddress } from '../core/address.js';
import { frameBytes } from './frame.js';
import type { Observation } from './try.js';

export interface Link {
  readonly name: string;
  readonly mac: string;
  readonly address: Address;
  /** The neighbour whose address is the datagram's source: neither this container nor the proxy. */
  readonly neighbour: Address;
}

/** More than one, because a router first asks for the MAC of the next hop, and may drop what waits for that. */
const TRIES = 3;
const BETWEEN_MS = 400;

const SENDERS: readonly (readonly [program: string, ...args: string[]])[] = [
  [
    'python3',
    '-c',
    'import socket,sys;s=socket.socket(17,3,0);s.bind((sys.argv[1],0));s.send(bytes.fromhex(sys.argv[3]))',
  ],
  [
    'perl',
    '-e',
    'socket(S,17,3,0)||exit 1;defined(send(S,pack("H*",$ARGV[2]),0,pack("SnlSCCa8",17,0,$ARGV[1],0,0,6,"")))||exit 1',
  ],
];

/** The links of this container on which the proxy is, one for each family of addresses. */
export function linksTo(proxy: Address, interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>): Link[] {
  const own = Object.entries(interfaces).flatMap(([name, list]) =>
    (list ?? []).flatMap(({ address: text, cidr, mac, internal }) => {
      const address = parseAddress(text);
      if (address === null || cidr === null || internal) return [];
      return [{ name, mac, address, prefix: prefixOf(address, Number(cidr.split('/', 2)[1])) }];
    }),
  );
  const shared = own.find(({ prefix }) => contains(prefix, proxy));
  return own
    .filter(({ name, address }) => name === shared?.name && !(address.family === 6 && address.bytes[0] === 0xfe))
    .map(({ name, mac, address }) => ({ name, mac, address, neighbour: otherThan(address, proxy) }));
}

/** The address beside this one, or the one after it, on a link with more than two. */
function otherThan(address: Address, proxy: Address): Address {
  const near = (step: number): Address => {
    const last = address.bytes.at(-1) ?? 0;
    return addressFromBytes([...address.bytes.slice(0, -1), last ^ step]);
  };
  return sameAddress(near(1), proxy) ? near(2) : near(1);
}

/** `mac`: the proxy's. The sight `answered` means that the frame came back, so the proxy's kernel forwards. */
export async function seeForwarding(link: Link, mac: string): Promise<Observation> {
  const socket = createSocket(link.address.family === 4 ? 'udp4' : 'udp6');
  const payload = randomBytes(16);
  try {
    socket.bind({ address: link.address.text, port: 0 });
    await once(socket, 'listening');
    const arrived = new Promise<boolean>((resolve) => {
      socket.on('message', (message) => message.equals(payload) && resolve(true));
      socket.on('error', () => resolve(false));
      setTimeout(resolve, (TRIES + 1) * BETWEEN_MS, false);
    });
    const { port } = socket.address();
    const frame = { from: link.mac, to: mac, source: link.neighbour, destination: link.address, port, payload };
    if (!(await sendFrame(link.name, frameBytes(frame)))) return NOT_SENT;
    for (let i = 1; i < TRIES; i++) {
      await Promise.race([arrived, new Promise((resolve) => setTimeout(resolve, BETWEEN_MS))]);
      await sendFrame(link.name, frameBytes(frame));
    }
    if (await arrived) return { sight: 'answered', detail: 'it routed the frame' };
    return { sight: 'silent', detail: 'the frame went no further' };
  } catch (error) {
    return { sight: 'not-tried', detail: error instanceof Error ? error.message : String(error) };
  } finally {
    socket.close();
  }
}

const NOT_SENT: Observation = {
  sight: 'not-tried',
  detail: 'no python3 or perl here to send a frame; the log of the proxy reports it, too (event kernel-forwarding)',
};

/** False if no program of the seat could send it. */
async function sendFrame(name: string, frame: Buffer): Promise<boolean> {
  const index = (await readFile(`/sys/class/net/${name}/ifindex`, 'utf8').catch(() => '0')).trim();
  for (const [program, ...args] of SENDERS) {
    const isSent = await new Promise<boolean>((resolve) => {
      const argv = [...args, name, index, frame.toString('hex')];
      try {
        execFile(program, argv, { timeout: 5000 }, (error) => resolve(error === null));
      } catch {
        resolve(false);
      }
    });
    if (isSent) return true;
  }
  return false;
}

/** From /proc/net/arp; null if the kernel has not spoken to the address. */
export function macOf(address: Address, arp: string): string | null {
  const row = arp.split('\n').find((line) => line.split(/\s+/, 1)[0] === address.text);
  const mac = row?.trim().split(/\s+/)[3];
  return mac === undefined || mac === '00:00:00:00:00:00' ? null : mac;
}
