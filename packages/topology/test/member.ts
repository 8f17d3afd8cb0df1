// A member in a process of its own, to be killed and stopped: node member.ts <NATS port> <pod> [heartbeat lease takeover]
import { createMembers } from '../src/index.ts';
import { linkTo } from './nats-server.ts';

const [port, pod = '', ...timing] = process.argv.slice(2);
const [heartbeatMs = 500, leaseMs = 2_500, takeoverMs = 3_500] = timing.map(Number);
const log = { debug() {}, info() {}, warn() {}, error() {} };

const nats = linkTo({ port: Number(port) });
const members = createMembers({
  nats,
  self: { pod, role: 'frontend', pool: 'frontend', address: '127.0.0.1:1', productVersion: '0' },
  log,
  timing: { heartbeatMs, leaseMs, takeoverMs },
});
members.follow();
await members.announce({});
process.stdout.write('announced\n');
process.stdin.resume().on('end', async () => {
  await members.stop();
  await nats.close();
  process.exit(0);
});
