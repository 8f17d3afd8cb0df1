import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silent } from '../test/silent.ts';
import { createPostgres } from './postgres.ts';

let dir: string;
let server: Server;
let passwords: string[];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'linchpin-postgres-'));
  passwords = [];
  server = createPasswordTaker((password) => passwords.push(password));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  server.close();
  await rm(dir, { recursive: true });
});

/** Speaks the protocol as far as AuthenticationCleartextPassword, keeps the answer and hangs up. */
function createPasswordTaker(take: (password: string) => void): Server {
  const askForPassword = Buffer.from('520000000800000003', 'hex');
  return createServer((socket) => {
    socket.once('data', () => {
      socket.write(askForPassword);
      socket.once('data', (message) => {
        take(message.toString('latin1', 5, message.length - 1));
        socket.destroy();
      });
    });
  });
}

test('the password file is read for each connection, and a lost server is an error of the query only', async () => {
  const passwordFile = join(dir, 'password');
  const { port } = server.address() as AddressInfo;
  const config = { host: '127.0.0.1', port, user: 'u', database: 'd', passwordFile, connections: 2 };
  const pool = await createPostgres(config, 'greeter-0', silent);
  for (const password of ['first', 'second']) {
    await writeFile(passwordFile, `${password}\n`);
    await expect(pool.query('select 1')).rejects.toThrow('Connection terminated');
  }
  expect(passwords).toEqual(['first', 'second']);
  await pool.end();
});
