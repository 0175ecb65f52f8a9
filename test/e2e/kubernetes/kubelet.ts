/** Run on the node: asks pods whether they are ready, as a kubelet does, and prints a line for each change. */
import { setTimeout } from 'node:timers/promises';

const { pods, path, port, periodMs }: { pods: readonly string[]; path: string; port: number; periodMs: number } =
  JSON.parse(process.argv[2] ?? '{}');

async function isReady(pod: string): Promise<boolean> {
  try {
    const response = await fetch(`http://${pod}:${port}${path}`, { signal: AbortSignal.timeout(1000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

async function follow(pod: string): Promise<never> {
  for (let last = false; ; await setTimeout(periodMs)) {
    const ready = await isReady(pod);
    if (ready !== last) process.stdout.write(`${JSON.stringify({ pod, ready })}\n`);
    last = ready;
  }
}

await Promise.all(pods.map(follow));
