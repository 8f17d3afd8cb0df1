// Reads Server-Sent Events the way the HTML standard has them, at the pace of whoever asks.
import type { IncomingMessage } from 'node:http';
import { type Agent, request } from 'node:https';
import { type StreamEventName, streamEvents } from '../../src/web/event-schemas.ts';

export interface SentEvent {
  event: string;
  id: string;
  // biome-ignore lint/suspicious/noExplicitAny: whatever JSON there is
  data: any;
}

export interface StreamReader {
  readonly status: number;
  readonly response: IncomingMessage;
  /** The id of the last event that had one. */
  lastId(): string;
  /** The next event; undefined when the stream is over. */
  next(): Promise<SentEvent | undefined>;
  /** Until one is called so. */
  until(event: string): Promise<SentEvent>;
  /** Comments that came so far. */
  comments(): number;
  close(): void;
}

export function openStream(
  rig: { port: number; agent: Agent },
  path: string,
  headers: Record<string, string>,
): Promise<StreamReader> {
  return new Promise((resolve, reject) => {
    const asking = request(
      { host: '127.0.0.1', port: rig.port, path, headers, ca: rig.agent.options.ca, agent: false },
      (response) => resolve(readerOf(response)),
    );
    asking.on('error', reject);
    asking.end();
  });
}

function readerOf(response: IncomingMessage): StreamReader {
  let id = '';
  let comments = 0;
  const events = parse();

  async function* parse(): AsyncGenerator<SentEvent> {
    let text = '';
    try {
      for await (const chunk of response) {
        text += chunk;
        for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
          const block = text.slice(0, end);
          text = text.slice(end + 2);
          if (block.startsWith(':')) comments++;
          const fields = new Map(
            block.split('\n').map((line) => [line.split(': ', 1)[0], line.slice(line.indexOf(': ') + 2)]),
          );
          id = fields.get('id') ?? id;
          const data = fields.get('data');
          if (data !== undefined)
            yield checked({ event: fields.get('event') ?? '', id, data: JSON.parse(data) });
        }
      }
    } catch (error) {
      if (!['ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE'].includes((error as { code?: string }).code ?? ''))
        throw error;
    }
  }

  async function next(): Promise<SentEvent | undefined> {
    const { value, done } = await events.next();
    return done ? undefined : value;
  }

  return {
    status: response.statusCode ?? 0,
    response,
    lastId: () => id,
    next,
    async until(event) {
      for (;;) {
        const found = await next();
        if (found === undefined) throw new Error(`the stream ended before ${event}`);
        if (found.event === event) return found;
      }
    },
    comments: () => comments,
    close: () => response.destroy(),
  };
}

/** Every event has to be what the OpenAPI document says of it. */
function checked(sent: SentEvent): SentEvent {
  streamEvents[sent.event as StreamEventName].parse(sent.data);
  return sent;
}
