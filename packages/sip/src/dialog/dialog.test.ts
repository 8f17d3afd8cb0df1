import { describe, expect, it } from 'vitest';
import { SipRequest } from '../message/request.ts';
import { SipResponse } from '../message/response.ts';
import {
  acceptInDialog,
  acceptResponse,
  type DialogState,
  dialogKey,
  dialogKeyOf,
  requestInDialog,
  uacDialog,
  uasDialog,
} from './dialog.ts';

function subscribe(headers: [string, string][] = []): SipRequest {
  return SipRequest.create('SUBSCRIBE', 'sip:bob@example.com', [
    ['via', 'SIP/2.0/UDP pc.example.org;branch=z9hG4bK1'],
    ['from', '"Alice" <sip:alice@example.org>;tag=a1'],
    ['to', '<sip:bob@example.com>'],
    ['call-id', 'c1'],
    ['cseq', '7 SUBSCRIBE'],
    ['contact', '<sip:alice@192.0.2.1;transport=tcp>'],
    ['record-route', '<sip:p2.example.com;lr;x=1>, <sip:p1.example.com;lr>'],
    ...headers,
  ]);
}

const dialog: DialogState = {
  callId: 'c1',
  localTag: 'b1',
  remoteTag: 'a1',
  localUri: 'sip:bob@example.com',
  remoteUri: 'sip:alice@example.org',
  remoteTarget: 'sip:user@remoteua',
  routeSet: [],
  localSeq: 0,
  remoteSeq: 7,
};

const inDialog = (method: string, seq: number, headers: [string, string][] = []) =>
  SipRequest.create(method, 'sip:bob@192.0.2.9', [
    ['from', '<sip:alice@example.org>;tag=a1'],
    ['to', '<sip:bob@example.com>;tag=b1'],
    ['call-id', 'c1'],
    ['cseq', `${seq} ${method}`],
    ...headers,
  ]);

describe('RFC 3261 12.1.1: the dialog of a UAS', () => {
  it('takes its state from the request and the local tag', () => {
    expect(uasDialog(subscribe(), 'b1')).toEqual({
      callId: 'c1',
      localTag: 'b1',
      remoteTag: 'a1',
      localUri: 'sip:bob@example.com',
      remoteUri: 'sip:alice@example.org',
      remoteTarget: 'sip:alice@192.0.2.1;transport=tcp',
      routeSet: ['<sip:p2.example.com;lr;x=1>', '<sip:p1.example.com;lr>'],
      localSeq: 0,
      remoteSeq: 7,
    });
  });

  it('takes the local tag from the response', () => {
    const request = subscribe();
    const response = SipResponse.to(request, 200, 'OK', { toTag: 'b2' });
    expect(uasDialog(request, response).localTag).toBe('b2');
  });

  it('survives being stored as JSON', () => {
    const state = uasDialog(subscribe(), 'b1');
    expect(JSON.parse(JSON.stringify(state))).toEqual(state);
  });

  it('has an empty remote tag when the peer is of RFC 2543', () => {
    const request = subscribe();
    request.set('from', '<sip:alice@example.org>');
    const state = uasDialog(request, 'b1');
    expect(state.remoteTag).toBe('');
    expect(requestInDialog(state, 'NOTIFY').get('to')).toBe('<sip:alice@example.org>');
  });

  it('refuses a request without Contact', () => {
    const request = subscribe();
    request.delete('contact');
    expect(() => uasDialog(request, 'b1')).toThrow(expect.objectContaining({ status: 400 }));
  });
});

describe('RFC 3261 12.1.2: the dialog of a UAC', () => {
  it('has the reversed Record-Route of the response as its route set', () => {
    const request = subscribe();
    const response = SipResponse.to(request, 200, 'OK', {
      toTag: 'b1',
      headers: [['contact', '<sip:bob@192.0.2.9>']],
    });
    expect(uacDialog(request, response)).toEqual({
      callId: 'c1',
      localTag: 'a1',
      remoteTag: 'b1',
      localUri: 'sip:alice@example.org',
      remoteUri: 'sip:bob@example.com',
      remoteTarget: 'sip:bob@192.0.2.9',
      routeSet: ['<sip:p1.example.com;lr>', '<sip:p2.example.com;lr;x=1>'],
      localSeq: 7,
      remoteSeq: -1,
    });
  });
});

describe('RFC 3261 12.2.1.1: a request within the dialog', () => {
  it('has the identity of the dialog and counts CSeq by one', () => {
    const state = structuredClone(dialog);
    const first = requestInDialog(state, 'NOTIFY', [['event', 'presence']], Buffer.from('x'));
    const second = requestInDialog(state, 'NOTIFY');
    expect(first.get('from')).toBe('<sip:bob@example.com>;tag=b1');
    expect(first.get('to')).toBe('<sip:alice@example.org>;tag=a1');
    expect(first.callId).toBe('c1');
    expect(first.maxForwards).toBe(70);
    expect(first.get('event')).toBe('presence');
    expect([first.cseq, second.cseq]).toEqual([
      { seq: 1, method: 'NOTIFY' },
      { seq: 2, method: 'NOTIFY' },
    ]);
    expect(state.localSeq).toBe(2);
  });

  it('gives the ACK the number of its INVITE', () => {
    const state = structuredClone(dialog);
    requestInDialog(state, 'INVITE');
    expect(requestInDialog(state, 'ACK').cseq).toEqual({ seq: 1, method: 'ACK' });
    expect(requestInDialog(state, 'BYE').cseq.seq).toBe(2);
  });

  it('goes to the remote target when there is no route', () => {
    const request = requestInDialog(structuredClone(dialog), 'BYE');
    expect(request.uri).toBe('sip:user@remoteua');
    expect(request.has('route')).toBe(false);
  });

  it('keeps the remote target as Request-URI when the first hop is a loose router', () => {
    const state = { ...dialog, routeSet: ['<sip:p1;lr>', '<sip:p2;lr>'] };
    const request = requestInDialog(state, 'BYE');
    expect(request.uri).toBe('sip:user@remoteua');
    expect(request.values('route')).toEqual(['<sip:p1;lr>', '<sip:p2;lr>']);
  });

  it('puts a strict router into the request line and the target at the end of Route', () => {
    const routeSet = ['<sip:proxy1;method=INVITE?a=b>', '<sip:proxy2>', '<sip:proxy3;lr>', '<sip:proxy4>'];
    const request = requestInDialog({ ...dialog, routeSet }, 'BYE');
    expect(request.uri).toBe('sip:proxy1');
    expect(request.values('route')).toEqual([
      '<sip:proxy2>',
      '<sip:proxy3;lr>',
      '<sip:proxy4>',
      '<sip:user@remoteua>',
    ]);
  });
});

describe('RFC 3261 12.2.2: requests that arrive in the dialog', () => {
  it('accepts higher numbers, gaps included', () => {
    const state = structuredClone(dialog);
    expect(acceptInDialog(state, inDialog('INFO', 12))).toBe('ok');
    expect(state.remoteSeq).toBe(12);
  });

  it('finds lower numbers out of order and stays as it was', () => {
    const state = structuredClone(dialog);
    const late = inDialog('INVITE', 6, [['contact', '<sip:elsewhere@192.0.2.5>']]);
    expect(acceptInDialog(state, late)).toBe('out-of-order');
    expect(state).toEqual(dialog);
  });

  it('takes the first number of the peer when it has none yet', () => {
    const state = { ...dialog, remoteSeq: -1 };
    expect(acceptInDialog(state, inDialog('BYE', 0))).toBe('ok');
    expect(state.remoteSeq).toBe(0);
  });

  it('lets an ACK pass whatever came after its INVITE', () => {
    const state = structuredClone(dialog);
    expect(acceptInDialog(state, inDialog('ACK', 3))).toBe('ok');
    expect(state).toEqual(dialog);
  });

  it.each(['INVITE', 'UPDATE', 'SUBSCRIBE', 'NOTIFY'])(
    'moves the remote target by a %s with Contact',
    (method) => {
      const state = structuredClone(dialog);
      acceptInDialog(state, inDialog(method, 8, [['contact', '<sip:alice@192.0.2.77>']]));
      expect(state.remoteTarget).toBe('sip:alice@192.0.2.77');
    },
  );

  it('does not move it by other requests, nor without Contact', () => {
    const state = structuredClone(dialog);
    acceptInDialog(state, inDialog('INFO', 8, [['contact', '<sip:alice@192.0.2.77>']]));
    acceptInDialog(state, inDialog('INVITE', 9));
    expect(state.remoteTarget).toBe('sip:user@remoteua');
  });
});

describe('RFC 3261 12.2.1.2: responses to requests in the dialog', () => {
  const reinvite = inDialog('INVITE', 1);
  const headers: [string, string][] = [['contact', '<sip:moved@192.0.2.88>']];

  it('moves the remote target by a 2xx of a target refresh', () => {
    const state = structuredClone(dialog);
    acceptResponse(state, SipResponse.to(reinvite, 200, 'OK', { headers }));
    expect(state.remoteTarget).toBe('sip:moved@192.0.2.88');
  });

  it('does not move it by a refusal', () => {
    const state = structuredClone(dialog);
    acceptResponse(state, SipResponse.to(reinvite, 302, 'Moved', { headers }));
    expect(state.remoteTarget).toBe('sip:user@remoteua');
  });
});

describe('RFC 3261 12: the dialog ID', () => {
  it('is the same for the dialog and a request in it', () => {
    expect(dialogKeyOf(inDialog('BYE', 9))).toBe(dialogKey(dialog));
  });

  it('is not there for a request without To tag', () => {
    expect(dialogKeyOf(subscribe())).toBeUndefined();
  });
});
