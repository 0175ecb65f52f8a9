/** Run inside a namespace: tries every destination over TCP, UDP or ICMP and prints which of them answered. */
import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { pathToFileURL } from 'node:url';

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export interface Probe extends Endpoint {
  readonly protocol: 'tcp' | 'udp' | 'icmp';
}

/** A refusal answers at once; this is for packets that vanish. */
const PATIENCE_MS = 5000;
const MESSAGE = 'anybody there?';

const TRIES = { tcp: tryTcp, udp: tryUdp, icmp: tryIcmp } as const;

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const probes: readonly Probe[] = JSON.parse(process.argv[2] ?? '[]');
  const answers = await Promise.all(probes.map((probe) => TRIES[probe.protocol](probe)));
  process.stdout.write(JSON.stringify(answers));
}

function tryTcp({ address, port }: Endpoint): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port });
    const end = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    socket.setTimeout(PATIENCE_MS, () => end(false));
    socket.on('error', () => end(false));
    socket.on('data', () => end(true));
    socket.write(MESSAGE);
  });
}

function tryUdp({ address, port }: Endpoint): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    const end = (answered: boolean) => {
      clearTimeout(timer);
      socket.close();
      resolve(answered);
    };
    const timer = setTimeout(end, PATIENCE_MS, false);
    socket.on('error', () => end(false));
    socket.on('message', () => end(true));
    socket.connect(port, address, () => socket.send(MESSAGE));
  });
}

function tryIcmp({ address }: Endpoint): Promise<boolean> {
  return new Promise((resolve) => {
    execFile('ping', ['-n', '-c', '1', '-W', '5', address], (error) => resolve(error === null));
  });
}
