/** Run inside a namespace: dials each `[address, port]` of its argument at once, and prints those that answered as JSON. */
import { connect } from 'node:net';

const targets: readonly (readonly [string, number])[] = JSON.parse(process.argv[2] ?? '[]');

function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 20_000 });
    const end = (is: boolean): void => {
      socket.destroy();
      resolve(is);
    };
    socket.once('connect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
  });
}

const answered = await Promise.all(targets.map(([host, port]) => answers(host, port)));
process.stdout.write(`${JSON.stringify(targets.filter((_target, i) => answered[i]).map(([host]) => host))}\n`);
