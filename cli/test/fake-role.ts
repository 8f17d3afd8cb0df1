// Stands for a role: answers `/status` on the HTTP port of its configuration, and does not end when asked nicely.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { parse } from 'yaml';

const { role, http } = parse(readFileSync(process.argv[3] as string, 'utf8')) as {
  role: string;
  http: { port: number };
};
process.on('SIGTERM', () => {});
const health = { role, name: `${role}-0`, pid: process.pid, version: '1', configVersion: 7, health: 'ready' };
createServer((_, response) => response.end(JSON.stringify(health))).listen(http.port, '127.0.0.1', () => {
  console.log(JSON.stringify({ level: 'info', msg: 'listening', port: http.port }));
});
