// The real curl: digest as it was not written by us, uploads that wait to be asked for, and a stream.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Run, run } from '../../../../test/peers/process.ts';
import { createWebRig, type WebRig } from './rig.ts';

const alice = 'alice@contoso.lab';
let rig: WebRig;
let room: string;

beforeAll(async () => {
  rig = await createWebRig();
  ({ id: room } = rig.chat.addRoom('Lounge', [alice, 'bob@contoso.lab']));
});
afterAll(() => rig.close());

const curl = (...args: string[]): Run =>
  run('curl', ['--silent', '--show-error', '--cacert', rig.caPath, ...args]);

async function done(running: Run): Promise<string> {
  if ((await running.exited) !== 0) throw new Error(running.output());
  return running.output();
}

test('curl --digest signs in, posts and reads', async () => {
  const digest = ['--digest', '--user', 'alice:pw-alice'];
  const posted = await done(
    curl(
      ...digest,
      '--json',
      JSON.stringify({ clientId: 'c1', body: 'from curl' }),
      `${rig.url}/v1/rooms/Lounge/posts`,
    ),
  );
  expect(JSON.parse(posted)).toMatchObject({ room, by: alice, body: 'from curl' });
  const read = JSON.parse(await done(curl(...digest, `${rig.url}/v1/rooms/Lounge/posts?limit=1`)));
  expect(read.posts).toMatchObject([{ body: 'from curl' }]);
});

test('curl is refused with another password', async () => {
  const wrong = curl(
    '--digest',
    '--user',
    'alice:wrong',
    '--write-out',
    ' %{http_code}',
    `${rig.url}/v1/unread`,
  );
  expect(await done(wrong)).toMatch(/"code":"unauthenticated".* 401$/s);
});

test('curl -N follows a room with the token that it asked for, over a keep-alive connection', async () => {
  const token = JSON.parse(
    await done(curl('--digest', '--user', `${alice}:pw-alice`, '--request', 'POST', `${rig.url}/v1/token`)),
  ).access_token;
  const stream = curl(
    '-N',
    '--header',
    `authorization: Bearer ${token}`,
    `${rig.url}/v1/rooms/Lounge/events`,
  );
  try {
    await stream.waitFor(/^id: .*\nevent: joined\ndata: \{"room":/m);
    await rig.chat.post({ name: 'bob@contoso.lab' }, room, {
      clientId: 'b1',
      body: 'to whom it may concern',
    });
    await stream.waitFor(/^id: \S+\/2\nevent: post\ndata: .*to whom it may concern/m);
  } finally {
    await stream.stop();
  }
});

test('A large body of curl waits to be asked for, and is refused before it is sent', async () => {
  const path = join(rig.dir, 'large.json');
  await writeFile(path, JSON.stringify({ clientId: 'x', body: 'y'.repeat(2_000_000) }));
  const refused = curl(
    '--header',
    `authorization: Bearer ${await rig.token('alice')}`,
    '--header',
    'content-type: application/json',
    '--data-binary',
    `@${path}`,
    '--write-out',
    ' %{http_code} %{size_upload}',
    `${rig.url}/v1/rooms/Lounge/posts`,
  );
  expect(await done(refused)).toMatch(/"code":"too-large".* 413 0$/s);
});
