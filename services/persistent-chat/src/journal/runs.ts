import type { ChatEvent } from '@linchpin/proto/chat-events';
import { ChatError } from '../chat.ts';
import { MAX_RUN_BYTES } from '../queue.ts';
import type { Run } from './outbox.ts';

/** What is not of one big event goes in parts of about this size. */
const GOOD_RUN_CHARACTERS = 100_000;

/** Events of one scope as they are stored and published. `too-large`: one of them could never be published. */
export function renderRuns(scope: string, events: readonly ChatEvent[]): Run[] {
  const runs: Run[] = [];
  let texts: string[] = [];
  let size = 0;
  let first = events[0]?.seq ?? 0;
  const close = (last: number) => {
    if (texts.length > 0) runs.push({ scope, first, last, text: `[${texts.join(',')}]` });
    texts = [];
    size = 0;
    first = last + 1;
  };
  for (const event of events) {
    const text = JSON.stringify(event);
    if (size > 0 && size + text.length > GOOD_RUN_CHARACTERS) close(event.seq - 1);
    // A character is at most three bytes.
    if (text.length * 3 > MAX_RUN_BYTES && Buffer.byteLength(text) > MAX_RUN_BYTES) throw tooLarge(event);
    texts.push(text);
    size += text.length;
  }
  if (events.length > 0) close((events.at(-1) as ChatEvent).seq);
  return runs;
}

const tooLarge = ({ kind }: ChatEvent): ChatError =>
  new ChatError('too-large', `what is noted of it (${kind}) is larger than ${MAX_RUN_BYTES} bytes`);
