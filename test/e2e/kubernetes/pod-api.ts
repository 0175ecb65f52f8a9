/** Run on the node: an API server at the place that is its argument, told of pods line by line; prints where its service account is. */
import { createInterface } from 'node:readline';
import { type Place, startApiServer } from '../../kubernetes/fake-api-server.js';

const at: Place = JSON.parse(process.argv[2] ?? '{}');
const server = await startApiServer({ after: () => undefined }, at, 'time');
process.stdout.write(`${server.mount}\n`);
for await (const line of createInterface({ input: process.stdin })) {
  const { type, pod } = JSON.parse(line);
  server.tell(type, pod);
}
