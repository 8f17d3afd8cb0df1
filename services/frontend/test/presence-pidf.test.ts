import { describe, expect, test } from 'vitest';
import type { AggregateState, StateInstance } from '../src/presence/categories.ts';
import { readPidf } from '../src/presence/pidf-reader.ts';
import { escapeXml, type Portrayal, writePidf } from '../src/presence/pidf-writer.ts';
import { parseXml, XmlError } from '../src/presence/xml.ts';
import {
  baresip,
  document,
  linphoneBusy,
  linphoneDoNotDisturb,
  linphoneOnline,
} from './presence-documents.ts';

const read = (text: string) => readPidf(Buffer.from(text));
const states = (text: string) =>
  read(text).flatMap((one) =>
    one.category === 'state' ? [`${one.type} ${one.availability} ${one.activity ?? ''}`.trim()] : [],
  );
const activity = (basic: string, activities: string) => states(document({ basic, activities }));

describe('readPidf()', () => {
  test('reads what linphone sends', () => {
    expect(states(linphoneOnline)).toEqual(['machineState 3500']);
    expect(states(linphoneBusy)).toEqual(['userState 15500', 'machineState 3500']);
    expect(states(linphoneDoNotDisturb)).toEqual(['userState 9500', 'machineState 3500']);
    expect(read(linphoneOnline)).toContainEqual({
      category: 'services',
      contact: 'sip:bob@contoso.lab',
      open: true,
      priority: '0.8',
      containers: [2, 3],
    });
  });

  test('reads what baresip sends', () => {
    expect(states(baresip('open'))).toEqual(['machineState 3500']);
    expect(states(baresip('closed'))).toEqual(['machineState 18500']);
    expect(states(baresip('unkown'))).toEqual(['machineState 3500']);
    expect(states(baresip('?'))).toEqual(['machineState 3500']);
  });

  test.each([
    ['open', '<rpid:busy/>', ['userState 6500', 'machineState 3500']],
    ['open', '<rpid:on-the-phone/>', ['phoneState 6500 on-the-phone', 'machineState 3500']],
    ['open', '<rpid:busy/><rpid:meeting/>', ['calendarState 6500 meeting', 'machineState 3500']],
    ['open', '<rpid:meal/>', ['userState 15500 meal', 'machineState 3500']],
    ['open', '<rpid:on-the-phone/><rpid:away/>', ['userState 15500', 'machineState 3500']],
    ['open', '<rpid:presentation/>', ['userState 9500 presentation', 'machineState 3500']],
    ['open', '<x:dnd xmlns:x="urn:x"/>', ['userState 9500', 'machineState 3500']],
    ['open', '<rpid:be-right-back/>', ['userState 12500', 'machineState 3500']],
    ['open', '<rpid:permanent-absence/>', ['userState 18500', 'machineState 3500']],
    ['open', '<rpid:other>writing</rpid:other>', ['machineState 3500']],
    ['open', '<rpid:unknown/>', ['machineState 3500']],
    ['closed', '<rpid:busy/>', ['userState 9500', 'machineState 3500']],
    ['closed', '<rpid:vacation/>', ['userState 15500 vacation', 'machineState 3500']],
    ['closed', '<rpid:unknown/>', ['machineState 18500']],
  ])('%s with %s', (basic, activities, expected) => expect(activity(basic, activities)).toEqual(expected));

  test('takes one open tuple for open', () => {
    const more = '<tuple id="u"><status><basic>open</basic></status></tuple>';
    expect(states(document({ basic: 'closed', more }))).toEqual(['machineState 3500']);
  });

  test('reads idleness, unless another device is in use', () => {
    const idle = '<dm:device id="d"><rpid:user-input>idle</rpid:user-input></dm:device>';
    const active = '<dm:device id="e"><rpid:user-input>active</rpid:user-input></dm:device>';
    expect(states(document({ more: idle }))).toEqual(['machineState 5000']);
    expect(states(document({ more: idle + active }))).toEqual(['machineState 3500']);
  });

  test('an empty document says nothing', () => {
    expect(read('<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:a@b"/>')).toEqual([]);
  });

  test('reads notes from all places, each once', () => {
    const notes = '<note xml:lang="de">Grüße &amp; &lt;Dank&gt;</note><note>  </note><note>hi</note>';
    const more = `${notes}<dm:person id="q"><dm:note>hi</dm:note><note xml:lang="en">hello</note></dm:person>`;
    expect(read(document({ more })).find(({ category }) => category === 'note')).toEqual({
      category: 'note',
      notes: [{ text: 'hi' }, { text: 'hello', lang: 'en' }, { text: 'Grüße & <Dank>', lang: 'de' }],
      containers: [2, 3],
    });
  });

  test('reads devices', () => {
    const more =
      '<dm:device id="d"><rpid:user-input>idle</rpid:user-input><dm:deviceID>urn:uuid:1</dm:deviceID></dm:device>';
    expect(read(document({ more }))).toContainEqual({
      category: 'device',
      id: 'urn:uuid:1',
      idle: true,
      containers: [2, 3],
    });
  });

  test.each([
    ['nothing', '', 'not well-formed XML'],
    ['an open end', '<presence xmlns="urn:ietf:params:xml:ns:pidf">', 'not well-formed XML'],
    ['two roots', '<a/><b/>', 'not well-formed XML'],
    ['another document', '<presence xmlns="urn:x"/>', 'not a PIDF document'],
    ['a document type', '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', 'document type not allowed'],
    ['an unknown entity', '<a>&b;</a>', 'not well-formed XML'],
    ['another encoding', '<?xml version="1.0" encoding="ISO-8859-1"?><a/>', 'XML encoding not UTF-8'],
    ['deep nesting', '<a>'.repeat(1000), 'XML nested too deeply'],
    ['many elements', `<a>${'<b/>'.repeat(1000)}</a>`, 'too many XML elements'],
    [
      'many attributes',
      `<a ${Array.from({ length: 30 }, (_, i) => `a${i}="1"`).join(' ')}/>`,
      'too many XML attributes',
    ],
    ['an undeclared prefix', '<a:b/>', 'not well-formed XML'],
    ['many tuples', document({ more: '<tuple id="x"/>'.repeat(10) }), 'too many tuples'],
    ['a long note', document({ more: `<note>${'x'.repeat(1001)}</note>` }), 'note too long'],
  ])('refuses %s', (_name, text, reason) => {
    expect(() => read(text)).toThrow(new XmlError(reason));
  });

  test('refuses bytes that are not UTF-8', () => {
    expect(() => readPidf(Buffer.from([0x3c, 0x61, 0x3e, 0xff]))).toThrow(new XmlError('text not UTF-8'));
  });
});

const available: AggregateState = {
  availability: 3500,
  activity: 'available',
  notes: [],
  services: [],
  devices: [],
};
const alice: Portrayal = {
  aor: 'sip:alice@contoso.lab',
  displayName: undefined,
  container: 200,
  state: available,
};
const write = (state: Partial<AggregateState>, portrayal: Partial<Portrayal> = {}) =>
  writePidf({ ...alice, ...portrayal, state: { ...available, ...state } });

describe('writePidf()', () => {
  test.each([
    [3500, 'available', 'open', []],
    [5000, 'idle', 'open', []],
    [6500, 'busy', 'open', ['busy']],
    [6500, 'on-the-phone', 'open', ['on-the-phone', 'busy']],
    [7500, 'meeting', 'open', ['meeting', 'busy']],
    [9500, 'do-not-disturb', 'closed', ['busy']],
    [12500, 'be-right-back', 'open', ['away']],
    [15500, 'vacation', 'open', ['vacation', 'away']],
    [18500, 'offline', 'closed', []],
  ])('availability %d, %s', (availability, name, basic, activities) => {
    const text = write({ availability, activity: name });
    expect(text).toContain(`<basic>${basic}</basic>`);
    expect(Array.from(text.matchAll(/<rpid:([a-z-]+)\/>/g), (match) => match[1])).toEqual(activities);
    expect(text.includes('<rpid:user-input>idle</rpid:user-input>')).toBe(
      availability === 5000 || availability === 7500,
    );
  });

  test('writes the whole document', () => {
    const text = write(
      {
        availability: 6500,
        activity: 'busy',
        since: Date.UTC(2026, 10, 21, 10),
        notes: [{ text: 'a<b>&"c"', lang: 'en' }],
      },
      { aor: 'sip:o%27neil&co@contoso.lab', displayName: 'O\'Neil & "Co"' },
    );
    expect(text).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" xmlns:c="urn:ietf:params:xml:ns:pidf:cipid" entity="sip:o%27neil&amp;co@contoso.lab">
<tuple id="aggregate">
<status>
<basic>open</basic>
</status>
<contact>sip:o%27neil&amp;co@contoso.lab</contact>
<timestamp>2026-11-21T10:00:00.000Z</timestamp>
</tuple>
<note xml:lang="en">a&lt;b&gt;&amp;&quot;c&quot;</note>
<dm:person id="person">
<rpid:activities><rpid:busy/></rpid:activities>
<c:display-name>O&apos;Neil &amp; &quot;Co&quot;</c:display-name>
</dm:person>
</presence>
`);
  });

  test('writes what its reader reads', () => {
    for (const availability of [3500, 5000, 6500, 9500, 15500, 18500]) {
      const instances = readPidf(Buffer.from(write({ availability })));
      const own = instances.find((one): one is StateInstance & typeof one => one.category === 'state');
      expect(own?.availability).toBe(availability);
    }
  });

  test('shows each container what its members may read', () => {
    const state = {
      availability: 6500,
      activity: 'busy',
      notes: [{ text: 'secret' }],
      devices: [{ id: 'urn:uuid:1', idle: false }],
      services: [{ contact: 'tel:+1', open: true }],
    };
    const seen = (container: number) => {
      const text = write(state, { container, displayName: 'Alice' });
      return ['<basic>', 'secret', 'urn:uuid:1', 'tel:+1', 'Alice'].filter((part) => text.includes(part));
    };
    expect(seen(0)).toEqual(['Alice']);
    expect(seen(1)).toEqual(['<basic>', 'secret', 'urn:uuid:1', 'tel:+1', 'Alice']);
    expect(seen(100)).toEqual(['<basic>', 'Alice']);
    for (const container of [200, 300, 400]) expect(seen(container)).toEqual(['<basic>', 'secret', 'Alice']);
  });

  test('each document is well-formed', () => {
    const notes = [{ text: 'a\u0000b\u0008\ud800c😀', lang: 'en' }];
    for (const container of [0, 1, 100, 200, 300, 400, 32000]) {
      const root = parseXml(Buffer.from(write({ notes, since: 1 }, { container, displayName: '<>' })));
      expect(root.attributes.get('entity')).toBe(alice.aor);
    }
  });
});

test('escapeXml() leaves out what XML cannot hold', () => {
  expect(escapeXml('a\u0000\u000bb\uffff\ud83d<😀>')).toBe('ab\ufffd&lt;😀&gt;');
});
