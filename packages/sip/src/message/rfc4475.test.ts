import { describe, expect, test } from 'vitest';
import { parseAuthParams } from './auth-params.ts';
import { SipError } from './error.ts';
import { parseMessage } from './parse.ts';
import { fromWireText } from './quoting.ts';
import type { SipRequest } from './request.ts';
import type { SipResponse } from './response.ts';
import { parsedRequest, parsedResponse, refusal, tortureMessages } from './torture.ts';
import { validateRequest, validateResponse } from './validate.ts';

const messages = tortureMessages('rfc4475');
const bytesOf = (name: string): Buffer => messages.get(name) ?? expect.fail(`no message ${name}`);

type Served = [section: string, name: string, reads: (request: SipRequest) => void];
type Refused = [section: string, name: string, status: number];

/** Requests that an element takes, with what it has to make of them. */
const served: Served[] = [
  [
    '3.1.1.1',
    'wsinv',
    (r) => {
      expect(r.parsedUri.params).toEqual(new Map([['unknownparam', undefined]]));
      expect([r.to.uri, r.to.tag]).toEqual(['sip:vivekg@chair-dnrc.example.com', '1918181833n']);
      expect([r.from.displayName, r.from.tag]).toEqual(['J Rosenberg \\"', '98asjd8']);
      expect([r.maxForwards, r.cseq]).toEqual([68, { seq: 9, method: 'INVITE' }]);
      expect(r.vias.map(({ transport, host, branch }) => [transport, host, branch])).toEqual([
        ['UDP', '192.0.2.2', '390skdjuw'],
        ['TCP', 'spindle.example.com', 'z9hG4bK9ikj8'],
        ['UDP', '192.168.255.111', 'z9hG4bK30239'],
      ]);
      expect([r.get('Subject'), r.get('NewFangledHeader')]).toEqual([
        '',
        'newfangled value continued newfangled value',
      ]);
      expect(r.get('UnknownHeaderWithUnusualValue')).toBe(';;,,;;,;');
      expect([...(r.routes[0]?.parsedUri.params ?? [])]).toEqual([
        ['lr', undefined],
        ['unknownwith', 'value'],
        ['unknown-no-value', undefined],
      ]);
      expect([r.contacts[0]?.displayName, [...(r.contacts[0]?.params ?? [])]]).toEqual([
        'Quoted string ""',
        [
          ['newparam', 'newvalue'],
          ['secondparam', undefined],
          ['q', '0.33'],
        ],
      ]);
      expect(r.body.length).toBe(150);
    },
  ],
  [
    '3.1.1.2',
    'intmeth',
    (r) => {
      expect(r.method).toBe("!interesting-Method0123456789_*+`.%indeed'~");
      expect([r.parsedUri.user, r.parsedUri.host]).toEqual([
        "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*",
        'example.com',
      ]);
      expect(r.parsedUri.password).toBe("&it+has=1,weird!*pas$wo~d_too.(doesn't-it)");
      expect(r.via.branch).toBe("z9hG4bK-.!%66*_+`'~");
      expect(r.to.displayName).toBe('BEL:\x07 NUL:\x00 DEL:\x7f');
      expect([r.from.displayName, r.from.tag]).toEqual([
        "token1~` token2'+_ token3*%!.-",
        "_token~1'+`*%!-.",
      ]);
      expect(fromWireText(r.from.params.get("fromparam''~+*_!.-%") ?? '')).toBe('работающий');
      expect(r.callId).toBe(`intmeth.word%ZK-!.*_+'@word\`~)(><:\\/"][?}{`);
      expect([...fromWireText(r.get("extensionHeader-!.%*+_`'~") ?? '')]).toEqual([
        '\ufeff',
        '大',
        '停',
        '電',
      ]);
    },
  ],
  [
    '3.1.1.3',
    'esc01',
    (r) => {
      expect([r.parsedUri.user, r.parsedUri.host]).toEqual(['sips%3Auser%40example.com', 'example.net']);
      expect(r.to.parsedUri.aor()).toBe('sip:user@example.com');
      expect(r.from.parsedUri.aor()).toBe('sip:I%20have%20spaces@example.net');
      const contact = r.contacts[0]?.parsedUri;
      expect(contact?.aor()).toBe('sip:caller@host5.example.net');
      expect([...(contact?.params ?? [])]).toEqual([
        ['%6c%72', undefined],
        ['n%61me', 'v%61lue%25%34%31'],
      ]);
    },
  ],
  [
    '3.1.1.4',
    'escnull',
    (r) => {
      expect(r.to.parsedUri.aor()).toBe('sip:null-%00-null@example.com');
      const [first, second] = r.contacts.map((contact) => contact.parsedUri);
      expect([first?.user, second?.user]).toEqual(['%00', '%00%00']);
      expect(first && second && first.equals(second)).toBe(false);
    },
  ],
  [
    '3.1.1.5',
    'esc02',
    (r) => {
      expect(r.method).toBe('RE%47IST%45R');
      expect([r.to.displayName, r.from.displayName]).toEqual(['%Z%45', '%Z%45']);
      expect(r.contacts.map(({ uri }) => uri)).toEqual([
        'sip:alias1@host1.example.com',
        'sip:alias3@host3.example.com',
      ]);
    },
  ],
  [
    '3.1.1.6',
    'lwsdisp',
    (r) => expect([r.from.displayName, r.from.uri]).toEqual(['caller', 'sip:caller@example.com']),
  ],
  [
    '3.1.1.7',
    'longreq',
    (r) => {
      expect([r.to.displayName?.length, r.from.tag?.length, r.callId.length]).toEqual([103, 155, 141]);
      expect([r.vias.length, r.vias[33]?.host, r.vias[33]?.received]).toEqual([
        34,
        'host.example.com',
        '192.0.2.5',
      ]);
      expect(r.to.parsedUri.params.size).toBe(3);
    },
  ],
  [
    '3.1.1.8',
    'dblreq',
    (r) => {
      expect([r.method, r.body.length]).toEqual(['REGISTER', 0]);
      expect(r.toBuffer().includes('INVITE')).toBe(false);
    },
  ],
  [
    '3.1.1.9',
    'semiuri',
    (r) => {
      expect([r.parsedUri.user, r.parsedUri.host]).toEqual(['user;par=u%40example.net', 'example.com']);
      expect(r.values('accept')).toHaveLength(6);
    },
  ],
  [
    '3.1.1.10',
    'transports',
    (r) => expect(r.vias.map(({ transport }) => transport)).toEqual(['UDP', 'SCTP', 'TLS', 'UNKNOWN', 'TCP']),
  ],
  [
    '3.1.1.11',
    'mpart01',
    (r) => {
      expect([r.contentType, r.body.length]).toEqual(['multipart/mixed', 553]);
      expect(r.body.includes(0)).toBe(true);
    },
  ],
  // The Date says EST; it is of no importance to us.
  ['3.1.2.12', 'baddate', (r) => expect(r.get('date')).toBe('Fri, 01 Jan 2010 16:00:00 EST')],
  // To, From and Contact of foreign schemes; a registrar refuses this To, a proxy does not look.
  [
    '3.3.4',
    'unksm2',
    (r) => {
      expect([r.to.uri, r.from.uri, r.contacts[0]?.uri]).toEqual([
        'isbn:2983792873',
        'http://www.example.com',
        'name:John_Smith',
      ]);
      expect(() => r.to.parsedUri).toThrow(new SipError(416, 'Unsupported URI Scheme'));
    },
  ],
  // 420 is for the element that knows what it supports.
  [
    '3.3.5',
    'bext01',
    (r) => {
      expect(r.values('require')).toEqual(['nothingSupportsThis', 'nothingSupportsThisEither']);
      expect(r.values('proxy-require')).toEqual(['noProxiesSupportThis', 'norDoAnyProxiesSupportThis']);
    },
  ],
  [
    '3.3.6',
    'invut',
    (r) => expect([r.contentType, r.body.length]).toEqual(['application/unknownformat', 40]),
  ],
  [
    '3.3.7',
    'regaut01',
    (r) => {
      expect(parseAuthParams(r.get('authorization') ?? '')).toEqual({
        scheme: 'NoOneKnowsThisScheme',
        params: new Map([['opaque-data', 'here']]),
      });
    },
  ],
  // 483 is for a proxy that would forward it.
  ['3.3.11', 'zeromf', (r) => expect(r.maxForwards).toBe(0)],
  [
    '3.3.12',
    'cparam01',
    (r) => {
      expect(r.contacts[0]?.uri).toBe('sip:+19725552222@gw1.example.net');
      expect([...(r.contacts[0]?.params ?? [])]).toEqual([['unknownparam', undefined]]);
    },
  ],
  [
    '3.3.13',
    'cparam02',
    (r) => {
      expect(r.contacts[0]?.uri).toBe('sip:+19725552222@gw1.example.net;unknownparam');
      expect(r.contacts[0]?.params.size).toBe(0);
    },
  ],
  [
    '3.3.14',
    'regescrt',
    (r) => expect(r.contacts[0]?.parsedUri.headers).toBe('Route=%3Csip:sip.example.com%3E'),
  ],
  // 406 is for the element that answers with a body.
  ['3.3.15', 'sdp01', (r) => expect(r.values('accept')).toEqual(['text/nobodyKnowsThis'])],
  [
    '3.4.1',
    'inv2543',
    (r) => {
      expect([r.via.branch, r.from.tag, r.maxForwards]).toEqual([undefined, undefined, undefined]);
      expect(r.to.params.get('user')).toBe('phone');
      expect(r.body.length).toBe(bytesOf('inv2543').length - bytesOf('inv2543').indexOf('\r\n\r\n') - 4);
    },
  ],
];

/** Requests that an element refuses, with the answer that the section asks for. */
const refused: Refused[] = [
  ['3.1.2.1', 'badinv01', 400],
  ['3.1.2.2', 'clerr', 400],
  ['3.1.2.3', 'ncl', 400],
  ['3.1.2.4', 'scalar02', 400],
  ['3.1.2.6', 'quotbal', 400],
  ['3.1.2.7', 'ltgtruri', 400],
  ['3.1.2.8', 'lwsruri', 400],
  ['3.1.2.9', 'lwsstart', 400],
  ['3.1.2.10', 'trws', 400],
  ['3.1.2.11', 'escruri', 400],
  ['3.1.2.14', 'badaspec', 400],
  ['3.1.2.15', 'baddn', 400],
  ['3.1.2.16', 'badvers', 505],
  ['3.1.2.17', 'mismatch01', 400],
  ['3.1.2.18', 'mismatch02', 501],
  ['3.2.1', 'badbranch', 400],
  ['3.3.1', 'insuf', 400],
  ['3.3.2', 'unkscm', 416],
  ['3.3.3', 'novelsc', 416],
  ['3.3.8', 'multi01', 400],
  ['3.3.9', 'mcl01', 400],
  // In the archive, but in no section: no version, and a line without a colon.
  ['A.1', 'test', 400],
];

describe('RFC 4475: requests to be served', () => {
  test.each(served)('%s %s', (_, name, reads) => {
    const request = parsedRequest(bytesOf(name));
    validateRequest(request);
    reads(request);
  });

  test.each(served)('%s %s is forwarded byte by byte', (_, name) => {
    const message = parsedRequest(bytesOf(name)).toBuffer();
    if (name === 'inv2543') expect(message.toString('latin1')).toContain('Content-Length: ');
    else expect(bytesOf(name).subarray(0, message.length).equals(message)).toBe(true);
  });
});

describe('RFC 4475: requests to be refused', () => {
  test.each(refused)('%s %s: %d', (_, name, status) => {
    expect(refusal(bytesOf(name))?.status).toBe(status);
  });

  test.each(refused.filter(([, name]) => name !== 'test'))('%s %s: its sender can be told', (_, name) => {
    const text = bytesOf(name).toString('latin1');
    const answer = refusal(bytesOf(name))?.answer?.toBuffer().toString('latin1') ?? '';
    const sent = /^(Via|Call-ID|CSeq):.*$/gm;
    expect([...answer.matchAll(sent)].map(String).sort()).toEqual(
      [...text.matchAll(sent)].map(String).sort(),
    );
  });

  test('3.1.2.15 baddn: 400 also with the empty line that the archive leaves out', () => {
    const request = parsedRequest(Buffer.concat([bytesOf('baddn'), Buffer.from('\r\n')]));
    expect(() => validateRequest(request)).toThrow(new SipError(400, 'Malformed from'));
  });

  // A proxy does not look at Contact; who reads it, refuses the request.
  test('3.1.2.13 regbadct: 400 from the registrar', () => {
    const request = parsedRequest(bytesOf('regbadct'));
    validateRequest(request);
    expect(() => request.contacts).toThrow(new SipError(400, 'Malformed contact'));
  });
});

describe('RFC 4475: responses', () => {
  test.each<[string, string, (response: SipResponse) => void]>([
    [
      '3.1.1.12',
      'unreason',
      (r) => expect(fromWireText(r.reason)).toBe('= 2**3 * 5**2 но сто девяносто девять - простое'),
    ],
    ['3.1.1.13', 'noreason', (r) => expect([r.status, r.reason]).toEqual([100, ''])],
    // Not to be sent on to a broadcast address, which is for the proxy to see.
    [
      '3.3.10',
      'bcast',
      (r) => expect(r.vias.map(({ host }) => host)).toEqual(['192.0.2.198', '255.255.255.255']),
    ],
  ])('%s %s is well formed', (_, name, reads) => {
    const response = parsedResponse(bytesOf(name));
    validateResponse(response);
    reads(response);
    expect(response.toBuffer().equals(bytesOf(name))).toBe(true);
  });

  test('3.1.2.5 scalarlg is dropped', () => {
    const response = parsedResponse(bytesOf('scalarlg'));
    expect(() => validateResponse(response)).toThrow(new SipError(400, 'Malformed cseq'));
  });

  test('3.1.2.19 bigcode is dropped', () => {
    expect(() => parseMessage(bytesOf('bigcode'))).toThrow(SipError);
  });
});

test('no message of the archive is left out', () => {
  const responses = ['unreason', 'noreason', 'bcast', 'scalarlg', 'bigcode'];
  const tested = [
    ...served.map(([, name]) => name),
    ...refused.map(([, name]) => name),
    ...responses,
    'regbadct',
  ];
  expect(tested.sort()).toEqual([...messages.keys()].sort());
});
