// A DNS server that has one address for every name, and prints every question that it is asked.
import { createSocket } from 'node:dgram';

const address = process.argv[2].split('.').map(Number);
const socket = createSocket('udp4');

socket.on('message', (query, peer) => {
  const labels = [];
  let at = 12;
  for (; query[at] > 0; at += query[at] + 1) labels.push(query.toString('latin1', at + 1, at + 1 + query[at]));
  const type = query.readUInt16BE(at + 1);
  console.log(`asked ${type} ${labels.join('.')}`);
  const header = Buffer.from([query[0], query[1], 0x81, 0x80, 0, 1, 0, type === 1 ? 1 : 0, 0, 0, 0, 0]);
  const record = type === 1 ? [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, ...address] : [];
  socket.send(Buffer.concat([header, query.subarray(12, at + 5), Buffer.from(record)]), peer.port, peer.address);
});
socket.bind(53, () => console.log('ready'));
process.on('SIGTERM', () => process.exit(0));
