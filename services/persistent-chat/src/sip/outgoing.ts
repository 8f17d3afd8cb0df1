import { createHash } from 'node:crypto';
import { newCallId, newTag, quote, SipRequest, toWireText } from '@linchpin/sip';
import type { FrontEnds } from './link/front-ends.ts';
import type { Answer, Relay } from './link/relay.ts';
import { roomUri } from './room-uri.ts';
import type { Said } from './said.ts';

/** A room as it speaks. */
export interface Speaker {
  room: string;
  address: string;
  /** As people call it. */
  name: string;
}

/**
 * `away`: the member is not signed in, or its clients do not answer. `later`: the way to it is lost. `refused`: its client has no use
 * for such a message, and will not have later.
 */
export type Outcome = 'told' | 'away' | 'later' | 'refused';

/** Tells one user something in the name of a room. */
export type Tell = (speaker: Speaker, member: string, said: Said) => Promise<Outcome>;

export interface OutgoingParts {
  relay: Pick<Relay, 'say'>;
  frontEnds: Pick<FrontEnds, 'of'>;
  domain: string;
  /** Whether a user is called so. */
  isUser(aor: string): boolean;
  onOutcome(outcome: Outcome): void;
}

/** Front Ends that are tried before it is given up for now. */
const MOST_TRIALS = 3;

export function createOutgoing({ relay, frontEnds, domain, isUser, onOutcome }: OutgoingParts): Tell {
  /** Should a user have been made since who is called like the room, the room speaks by its id. */
  function addressOf({ room, address }: Speaker): { uri: string; address: string } {
    const uri = roomUri(address, domain);
    return isUser(uri) ? { uri: roomUri(room, domain), address: room } : { uri, address };
  }

  /** A Front End that dies with it in hand is no reason not to tell another: the member knows copies by their Call-ID. */
  async function trial(speaker: Speaker, member: string, said: Said): Promise<Answer> {
    const tried: string[] = [];
    const from = addressOf(speaker);
    for (let answer: Answer = 'lost'; ; ) {
      const frontEnd = tried.length < MOST_TRIALS ? frontEnds.of(member, tried) : undefined;
      if (frontEnd === undefined) return answer;
      tried.push(frontEnd);
      answer = await relay.say(messageOf(speaker, from.uri, member, said), from, frontEnd);
      if (answer !== 'lost') return answer;
    }
  }

  return async (speaker, member, said) => {
    const outcome = outcomeOf(await trial(speaker, member, said));
    onOutcome(outcome);
    return outcome;
  };
}

/** Not signed in, not known (any more), nobody answers: all may be otherwise tomorrow. */
const away = new Set([404, 408, 410, 430, 480]);

function outcomeOf(answer: Answer): Outcome {
  if (answer === 'lost') return 'later';
  if (answer === 'no-answer' || away.has(answer)) return 'away';
  if (answer >= 500 && answer < 600) return 'later';
  // 482: another copy of it is there already (RFC 3261 8.2.2.2).
  return answer < 300 || answer === 482 ? 'told' : 'refused';
}

function messageOf({ room, name }: Speaker, uri: string, member: string, said: Said): SipRequest {
  const { seq, at, text } = said;
  const to = `sip:${member}`;
  // The same for the same event, whichever pod tells it and how often.
  const id = seq === 0 ? newCallId() : `${seq}.${mark(room, member)}`;
  return SipRequest.create(
    'MESSAGE',
    to,
    [
      ['Max-Forwards', '70'],
      [
        'From',
        `${quote(toWireText(name.replace(/[\r\n]+/g, ' ')))} <${uri}>;tag=${seq === 0 ? newTag() : mark(member, room).slice(0, 8)}`,
      ],
      ['To', `<${to}>`],
      ['Call-ID', id],
      ['CSeq', '1 MESSAGE'],
      ['Date', new Date(at).toUTCString()],
      ...(seq === 0 ? [] : [['Linchpin-Post', `${room}/${seq}`] as [string, string]]),
      ['Content-Type', 'text/plain;charset=UTF-8'],
    ],
    Buffer.from(text),
  );
}

const mark = (...words: string[]): string =>
  createHash('sha256').update(words.join(' ')).digest('hex').slice(0, 24);
