import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseMessage } from '../message/index.ts';
import type { SipRequest } from '../message/request.ts';
import { SipResponse } from '../message/response.ts';
import { createUnanswered, type Unanswered } from './unanswered.ts';

const requestOf = (method: string, branch: string): SipRequest => {
  const text = [
    `${method} sip:bob@contoso.lab SIP/2.0`,
    `Via: SIP/2.0/TLS client.invalid;branch=${branch};rport`,
    'From: <sip:alice@contoso.lab>;tag=a',
    'To: <sip:bob@contoso.lab>',
    'Call-ID: one',
    `CSeq: 1 ${method}`,
    'Max-Forwards: 70',
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');
  return parseMessage(Buffer.from(text)) as SipRequest;
};

describe('what was passed on and not answered', () => {
  let passed: string[];
  let unanswered: Unanswered<string>;

  beforeEach(() => {
    vi.useFakeTimers();
    passed = [];
    unanswered = createUnanswered({
      again: (what) => passed.push(what),
      now: () => Date.now(),
      ...{ capacity: 3, capacityBytes: 1_000 },
    });
  });
  afterEach(() => {
    unanswered.stop();
    vi.useRealTimers();
  });

  it('waits while nobody is gone who may have it', () => {
    unanswered.podGone();
    vi.advanceTimersByTime(1);
    unanswered.add('edge-0/1', requestOf('MESSAGE', 'z9hG4bKa'), 'a', 10);
    vi.advanceTimersByTime(4_000);
    expect(passed).toEqual([]);
    unanswered.podGone();
    vi.advanceTimersByTime(4_000);
    expect(passed).toEqual(['a']);
  });

  it('is passed on again when a pod is gone', () => {
    unanswered.add('edge-0/1', requestOf('MESSAGE', 'z9hG4bKa'), 'a', 10);
    unanswered.podGone();
    vi.advanceTimersByTime(1_400);
    expect(passed).toEqual([]);
    vi.advanceTimersByTime(400);
    expect(passed).toEqual(['a']);
    vi.advanceTimersByTime(60_000);
    expect(passed).toEqual(['a']);
    expect(unanswered.size).toBe(0);
  });

  it('is forgotten with any response on its flow', () => {
    const request = requestOf('INVITE', 'z9hG4bKa');
    unanswered.add('edge-0/1', request, 'a', 10);
    unanswered.answered('edge-0/2', SipResponse.to(request, 200).toBuffer());
    expect(unanswered.size).toBe(1);
    unanswered.answered('edge-0/1', request.toBuffer());
    expect(unanswered.size).toBe(1);
    unanswered.answered('edge-0/1', SipResponse.to(request, 100).toBuffer());
    expect(unanswered.size).toBe(0);
  });

  it('leaves ACK, CANCEL and what has no branch alone', () => {
    unanswered.add('edge-0/1', requestOf('ACK', 'z9hG4bKa'), 'a', 10);
    unanswered.add('edge-0/1', requestOf('CANCEL', 'z9hG4bKb'), 'b', 10);
    unanswered.add('edge-0/1', requestOf('MESSAGE', '1'), 'c', 10);
    expect(unanswered.size).toBe(0);
  });

  it('remembers so many', () => {
    for (const name of ['a', 'b', 'c', 'd'])
      unanswered.add('edge-0/1', requestOf('MESSAGE', `z9hG4bK${name}`), name, 10);
    unanswered.podGone();
    vi.advanceTimersByTime(2_000);
    expect(passed).toEqual(['b', 'c', 'd']);
  });

  it('takes a bounded place, what is oldest gives way', () => {
    const add = (name: string, bytes: number) =>
      unanswered.add('edge-0/1', requestOf('MESSAGE', `z9hG4bK${name}`), name, bytes);
    add('a', 400);
    vi.advanceTimersByTime(2_000);
    add('b', 400);
    add('c', 400);
    expect(unanswered.size).toBe(2);
    unanswered.answered('edge-0/1', SipResponse.to(requestOf('MESSAGE', 'z9hG4bKb'), 200).toBuffer());
    add('d', 600);
    expect(unanswered.size).toBe(2);
    unanswered.podGone();
    vi.advanceTimersByTime(2_000);
    expect(passed).toEqual(['c', 'd']);
  });
});
