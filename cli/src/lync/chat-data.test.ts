import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readChatData } from './chat-data.ts';
import { parseXml } from './xml.ts';
import { zipEntries } from './zip.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'linchpin-export-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

const user = (id: string, name: string) =>
  `<User principalId="${id}"><UserPrincipalName>${name}</UserPrincipalName></User>`;
const inGroup = (id: string, ...groups: string[]) =>
  `<User id="${id}"><Groups>${groups.map((group) => `<Group id="${group}"/>`).join('')}</Groups></User>`;

const EXPORT = {
  'AdUsers.xml': `<Pool><AdUsers>${user('1', 'Alice@contoso.local')}${user('2', 'bob@contoso.local')}
    <User principalId="3" UserPrincipalName="carol@contoso.local"/></AdUsers></Pool>`,
  'AdGroups.xml':
    '<Pool><AdGroups><Group principalId="10"/><Group principalId="11"/><Group principalId="12"/></AdGroups></Pool>',
  // 10 holds bob and 11; 11 holds carol and, as directories allow, 10 again.
  'AdAffiliations.xml': `<Pool><AdAffiliations>${inGroup('2', '10')}${inGroup('11', '10')}${inGroup('3', '11')}
    ${inGroup('10', '11')}</AdAffiliations></Pool>`,
  'ChatRooms.xml': `<Pool xmlns="urn:x"><ChatRooms>
    <ChatRoom id="77" isDisabled="0"><Name>Trading &amp; Gold</Name><Desc>What we buy</Desc><Roles>
      <Principal id="1" isManager="1" isMember="1"/><Principal id="10" isMember="1"/><Principal id="99" isMember="1"/>
    </Roles></ChatRoom>
    <ChatRoom isDisabled="1" behavior="2"><Name>Old</Name><Roles><Principal id="2" isCreator="1"/>
      <Principal id="12" isMember="1"/></Roles><Addin>x</Addin></ChatRoom>
  </ChatRooms></Pool>`,
  'Messages.xml': '<Pool/>',
};

const ROOMS = [
  {
    name: 'Trading & Gold',
    description: 'What we buy',
    disabled: false,
    managers: ['alice@contoso.local'],
    members: ['bob@contoso.local', 'carol@contoso.local'],
    unknown: 1,
  },
  { name: 'Old', description: '', disabled: true, managers: ['bob@contoso.local'], members: [], unknown: 0 },
];

function zip(files: Record<string, string | Buffer>, { method = 8, flags = 0 } = {}): Buffer {
  const locals: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const [name, text] of Object.entries(files)) {
    const content = Buffer.from(text);
    const packed = method === 8 ? deflateRawSync(content) : content;
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(flags, 2);
    fields.writeUInt16LE(method, 4);
    fields.writeUInt32LE(packed.length, 14);
    fields.writeUInt32LE(content.length, 18);
    fields.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('PK\u0003\u0004'), fields, Buffer.from(name), packed]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    central.push(
      Buffer.concat([Buffer.from('PK\u0001\u0002'), Buffer.alloc(2), fields, rest, Buffer.from(name)]),
    );
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(central.length, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...locals, directory, Buffer.from('PK\u0005\u0006'), end]);
}

function written(name: string, content: Buffer): string {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
}

describe('an export of Lync', () => {
  test('is read out of its archive: rooms with the users in their groups, and what was left alone', async () => {
    const { rooms, ignored } = await readChatData(written('data.zip', zip(EXPORT)));
    expect(rooms).toEqual(ROOMS);
    expect(ignored).toEqual(['Messages.xml', 'ChatRoom/@behavior', 'ChatRoom/Addin']);
  });

  test('is read out of a folder too, in the letters that Windows writes', async () => {
    const folder = join(dir, 'unpacked');
    mkdirSync(folder);
    for (const [name, text] of Object.entries(EXPORT))
      writeFileSync(join(folder, name), Buffer.from(`\ufeff${text}`, 'utf16le'));
    expect((await readChatData(folder)).rooms).toEqual(ROOMS);
  });

  test.each([
    ['what is no archive', Buffer.from('<Pool/>'), 'is neither a ZIP archive nor a folder'],
    ['an archive of something else', zip({ 'a.txt': 'x' }), 'has no ChatRooms.xml'],
    ['one that is cut off', zip(EXPORT).subarray(0, -30), 'it has no directory'],
    ['an encrypted one', zip(EXPORT, { flags: 1 }), 'is encrypted'],
    ['another way to pack', zip(EXPORT, { method: 12 }), 'is packed by method 12'],
    ['broken XML', zip({ 'ChatRooms.xml': '<Pool><ChatRooms>' }), 'ChatRooms.xml: '],
    [
      'entities of its own',
      zip({ 'ChatRooms.xml': '<!DOCTYPE a [<!ENTITY b "c">]><Pool/>' }),
      'ChatRooms.xml: has a document type',
    ],
  ])('%s is refused with the reason', async (_, content, why) => {
    await expect(readChatData(written('bad.zip', content))).rejects.toThrow(why);
  });

  test('a directory that points anywhere is refused, not followed', () => {
    const archive = zip({ 'a.xml': 'aaaa' });
    const at = archive.indexOf('PK\u0001\u0002');
    for (const [field, bad] of [
      [42, 3],
      [42, 0xffff_fff0],
      [20, 0x7fff_ffff],
      [24, 3],
    ] as const) {
      const broken = Buffer.from(archive);
      broken.writeUInt32LE(bad, at + field);
      expect(() => zipEntries(broken)[0]?.read(100)).toThrow();
    }
    expect(zipEntries(archive)[0]?.read(100).toString()).toBe('aaaa');
  });

  test('what unpacks to more than it may is refused before it is there', () => {
    const archive = zip({ 'a.xml': Buffer.alloc(10_000_000) });
    expect(() => zipEntries(archive)[0]?.read(1_000_000)).toThrow('is larger than 1000000 bytes');
    // It lies about its size.
    archive.writeUInt32LE(5, archive.indexOf('PK\u0001\u0002') + 24);
    expect(() => zipEntries(archive)[0]?.read(1_000_000)).toThrow('The archive cannot be read: a.xml');
  });

  test('what is nested without end is refused', () => {
    const deep = `${'<a>'.repeat(1000)}${'</a>'.repeat(1000)}`;
    expect(() => parseXml(Buffer.from(deep), 'x.xml')).toThrow('x.xml: is nested too deeply');
  });
});
