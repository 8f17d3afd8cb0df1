// An operator changes a document once; every role follows at once and nobody restarts anything.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bodyOf, createUserAgent, type UserAgent } from '../peers/ua.ts';
import { roleLog, type System, startSystem } from '../system.ts';
import { publishUsers } from '../users.ts';

let system: System;
const agents: UserAgent[] = [];

const outside = async (name: string, password = `pw-${name}`): Promise<UserAgent> => {
  const agent = await createUserAgent(`${name}@contoso.lab`, password, {
    tls: system.port('access-tls'),
    caFile: system.caFile,
  });
  agents.push(agent);
  return agent;
};

const inside = async (name: string): Promise<UserAgent> => {
  const agent = await createUserAgent(`${name}@contoso.lab`, `pw-${name}`, { udp: system.port('sip-udp') });
  agents.push(agent);
  return agent;
};

async function apply(yaml: string): Promise<string> {
  const path = join(system.home, 'change.yaml');
  writeFileSync(path, yaml);
  return system.cli('apply', '-f', path);
}

async function failure(action: Promise<unknown>): Promise<string> {
  const error = await action.then(
    () => undefined,
    (reason: { stderr?: string; code?: number }) => reason,
  );
  expect(error?.code).toBeGreaterThan(0);
  return error?.stderr ?? '';
}

beforeAll(async () => {
  system = await startSystem();
  await publishUsers(system, ['ada', 'ben', 'eve']);
});
afterAll(async () => {
  for (const agent of agents) agent.close();
  await system?.stop();
});

describe('external access', () => {
  it('is taken away and given back without a restart', async () => {
    const ada = await outside('ada');
    expect((await ada.register()).status).toBe(200);
    await apply('kind: ExternalAccessPolicy\nname: global\nspec:\n  outsideAccess: false\n');
    await expect.poll(async () => (await (await outside('ada')).register()).status).toBe(403);
    await ada.closed.catch(() => undefined);
    await apply('kind: ExternalAccessPolicy\nname: global\nspec:\n  outsideAccess: true\n');
    await expect.poll(async () => (await (await outside('ada')).register()).status).toBe(200);
  });

  it('leaves a trace that says which rule refused whom, under the id that the client saw', async () => {
    const response = await (await outside('ada', 'wrong')).register();
    const id = /id="(\w+)"/.exec(response.get('ms-diagnostics') ?? '')?.[1];
    expect(id).toBeDefined();
    await expect
      .poll(() => roleLog(system, 'director').find((line) => line.id === id)?.rule)
      .toBe('wrong-password');
  });
});

describe('presence', () => {
  it('is hidden from a user who is blocked, and shown again', async () => {
    const ben = await inside('ben');
    const eve = await inside('eve');
    await ben.register();
    expect((await eve.subscribe('ben@contoso.lab')).status).toBe(200);
    await eve.received((request) => bodyOf(request).includes('<basic>open'));
    await apply(
      'kind: User\nname: ben@contoso.lab\nspec:\n  pool: frontend\n  containers:\n    - id: 32000\n      members: ["sip:eve@contoso.lab"]\n',
    );
    const blocked = await eve.received((request) => bodyOf(request).includes('<basic>closed'));
    const after = eve.requests.indexOf(blocked);
    await apply('kind: User\nname: ben@contoso.lab\nspec:\n  pool: frontend\n');
    await eve.received(
      (request) => eve.requests.indexOf(request) > after && bodyOf(request).includes('<basic>open'),
    );
  });
});

describe('the registrar', () => {
  it('takes a new limit of endpoints at once', async () => {
    await apply('kind: RegistrarConfiguration\nname: global\nspec:\n  maxEndpointsPerUser: 1\n');
    const [first, second] = [await inside('eve'), await inside('eve')];
    await first.request('REGISTER', {
      headers: [
        ['Contact', '*'],
        ['Expires', '0'],
      ],
    });
    expect((await first.register()).status).toBe(200);
    await expect.poll(async () => (await second.register()).status).toBe(403);
    await apply('kind: RegistrarConfiguration\nname: global\nspec:\n  maxEndpointsPerUser: 8\n');
    await expect.poll(async () => (await second.register()).status).toBe(200);
  });
});

describe('a broken document', () => {
  it('is refused with its path, and nothing changes', async () => {
    const before = (await system.status()).roles.map((role) => role.configVersion);
    const said = await failure(
      apply('kind: RegistrarConfiguration\nname: global\nspec:\n  maxEndpointsPerUser: 900\n'),
    );
    expect(said).toMatch(/RegistrarConfiguration\/global.*spec\.maxEndpointsPerUser/);
    expect((await system.status()).roles.map((role) => role.configVersion)).toEqual(before);
  });

  it('is refused when it is no YAML or of no known kind', async () => {
    expect(await failure(apply('kind: [unclosed'))).not.toBe('');
    expect(await failure(apply('kind: Telephone\nname: x\nspec: {}\n'))).toMatch(/Telephone/);
  });
});

describe('replicas', () => {
  it('all report the version that CMS published', async () => {
    const table = await system.cli('get', 'replicas');
    for (const pod of ['director-0', 'edge-0', 'frontend-0']) expect(table).toContain(pod);
  });

  it('keep users and credentials out of the Edge', () => {
    const found = spawnSync('grep', ['-rlE', 'ada@contoso|Credential', join(system.home, 'roles/edge')], {
      encoding: 'utf8',
    }).stdout;
    expect(found).toBe('');
  });
});
