// A role that does next to nothing, for the tests of a role's process.
import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { hostConfig } from '../src/config.ts';
import type { Host, Role } from '../src/role.ts';
import { runRole } from '../src/run-role.ts';

const schema = hostConfig.extend({
  greeter: z.strictObject({
    port: z.int(),
    drainMs: z.number().default(0),
    /** A file: a guest stays for as long as it is there. */
    guest: z.string().optional(),
    trips: z.boolean().default(false),
  }),
});

type Config = z.infer<typeof schema>;

function create({ greeter }: Config, host: Host): Role {
  let server: Server | undefined;
  return {
    async start() {
      server = createServer((socket) => {
        if (greeter.trips) setTimeout(() => Promise.reject(new Error('a defect')));
        socket.end(`hello from ${host.name}\n`);
      });
      const listening = Promise.withResolvers<void>();
      server.once('error', listening.reject).listen(greeter.port, '127.0.0.1', listening.resolve);
      await listening.promise;
    },
    async drain(draining) {
      const { drainMs, guest } = greeter;
      draining.count(() => ({ guests: guest !== undefined && existsSync(guest) ? 1 : 0 }));
      await Promise.all([draining.idle(), wait(drainMs)]);
    },
    async stop() {
      server?.close();
      host.log.info({ password: 'pw' }, 'greeter stopped');
    },
    endpoints: () => [{ name: 'greet', protocol: 'tcp', address: '127.0.0.1', port: greeter.port }],
    configVersion: () => 7,
  };
}

await runRole({ role: 'greeter', version: '1.2.3', schema, create });
