/** A tool with CAP_NET_RAW that writes frames to a neighbour's MAC, and listeners that say what has come to them. */
import { readFileSync } from 'node:fs';
import { docker, repository, until } from './docker.js';

export const IMAGE = 'mcp-egress-demo';
export const PORT = 9999;
/** What is sent last, to a neighbour, directly: when it has come, everything before it has come or will not. */
const LAST = 'the last frame';

export interface Frame {
  readonly to: string;
  readonly source: string;
  readonly destination: string;
  readonly port: number;
  readonly sourcePort?: number;
  /** What the datagram holds; `hex` where it is no text. */
  readonly payload?: string;
  readonly hex?: string;
  /** Behind a VLAN tag with the id 0, which the kernel takes off. */
  readonly tag?: boolean;
}

const folder = `${repository}/test/e2e/docker/frames`;
const program = (name: string): string => readFileSync(`${folder}/${name}`, 'utf8');

/** Listens for UDP on PORT in the network of a container, or in the host's (`host`). */
export async function hear(name: string, network: string): Promise<void> {
  await docker([
    'run',
    '-d',
    '--name',
    name,
    '--network',
    network,
    IMAGE,
    'python3',
    '-c',
    program('hear.py'),
    `${PORT}`,
  ]);
  await until(`${name} listens`, async () => (await docker(['logs', name])).includes('ready'));
}

/** The payloads that have come to a listener, each once, with the address that they said they came from. */
export async function heard(name: string): Promise<{ from: string; payload: string }[]> {
  const lines = (await docker(['logs', name])).split('\n').filter((line) => line.startsWith('{'));
  return [...new Set(lines)].map((line) => JSON.parse(line));
}

/** Sends the frames from a new container on `network`, and then one to the listener `neighbour` there, and waits for that. */
export async function send(network: string, frames: readonly Frame[], neighbour: string): Promise<void> {
  const { mac, address } = await placeOf(neighbour, network);
  const [source] = frames.map((frame) => frame.source);
  const last = { to: mac, source: source ?? address, destination: address, port: PORT, payload: LAST };
  const before = (await heard(neighbour)).length;
  await docker(['run', '--rm', '-i', '--network', network, IMAGE, 'python3', '-c', program('send.py')], {
    input: JSON.stringify([...frames, { ...last, payload: `${LAST} ${before}` }]),
  });
  await until('the last frame', async () =>
    (await heard(neighbour)).some(({ payload }) => payload === `${LAST} ${before}`),
  );
}

export interface Place {
  readonly mac: string;
  readonly address: string;
  readonly ipv6: string;
}

export async function placeOf(container: string, network: string): Promise<Place> {
  const [{ NetworkSettings }] = JSON.parse(await docker(['inspect', container]));
  const { MacAddress, IPAddress, GlobalIPv6Address } = NetworkSettings.Networks[network];
  return { mac: MacAddress, address: IPAddress, ipv6: GlobalIPv6Address };
}
