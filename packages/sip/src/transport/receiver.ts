import { SipError } from '../message/error.ts';
import type { MessageLimits } from '../message/limits.ts';
import { parseMessage } from '../message/parse.ts';
import { SipRequest } from '../message/request.ts';
import { SipResponse } from '../message/response.ts';
import { validateRequest } from '../message/validate.ts';
import type { Flow } from './flow.ts';
import type { FlowEvents } from './listener.ts';
import { markReceived } from './received.ts';

/** From bytes to messages, the same for all transports. */
export interface Receiver {
  /** One whole message. False when nothing came of it and it could not be answered either. */
  receive(bytes: Buffer, flow: Flow): boolean;
  /** What a stream framer broke at. */
  broken(error: SipError, bytes: Buffer, flow: Flow): void;
}

export function createReceiver(events: FlowEvents, limits: MessageLimits): Receiver {
  function refuse(error: SipError, bytes: Buffer, flow: Flow): boolean {
    return answerMalformed(error, flow, events.onMalformed?.(error, flow, bytes));
  }
  return {
    receive(bytes, flow) {
      let message: SipRequest | SipResponse;
      try {
        message = read(bytes, flow, limits);
      } catch (error) {
        if (error instanceof SipError) return refuse(error, bytes, flow);
        throw error;
      }
      events.onMessage(message, flow);
      return true;
    },
    broken(error, bytes, flow) {
      error.request = wholePart(bytes, limits);
      refuse(error, bytes, flow);
    },
  };
}

function read(bytes: Buffer, flow: Flow, limits: MessageLimits): SipRequest | SipResponse {
  const message = parseMessage(bytes, limits);
  if (message instanceof SipResponse) {
    assertReadable(message);
    return message;
  }
  try {
    validateRequest(message);
  } catch (error) {
    if (error instanceof SipError) error.request = message;
    throw error;
  }
  markReceived(message, flow);
  return message;
}

function assertReadable(response: SipResponse): void {
  response.via;
  response.from;
  response.to;
  response.callId;
  response.cseq;
}

const needed = ['via', 'from', 'to', 'call-id', 'cseq'];

/** Answers as far as RFC 3261 lets: a request that is none, or an ACK, gets nothing. True when an answer was sent. */
function answerMalformed(error: SipError, flow: Flow, headers: [string, string][] = []): boolean {
  const { request } = error;
  if (request === undefined || request.method === 'ACK') return false;
  if (!needed.every((name) => request.has(name))) return false;
  return flow.send(SipResponse.to(request, error.status, error.reason, { headers }).toBuffer());
}

/** The request as far as its whole header lines go, when that can be read. */
function wholePart(bytes: Buffer, limits: MessageLimits): SipRequest | undefined {
  const end = bytes.subarray(0, limits.headers).lastIndexOf('\r\n');
  try {
    const message = parseMessage(Buffer.concat([bytes.subarray(0, end), Buffer.from('\r\n\r\n')]), limits);
    return message instanceof SipRequest ? message : undefined;
  } catch (error) {
    return error instanceof SipError ? error.request : undefined;
  }
}
