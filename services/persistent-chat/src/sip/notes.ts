import type { Logger, NatsLink } from '@linchpin/host';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Note } from './members/tellers.ts';

/** Not kept: what is missed is seen in the store some seconds later. */
const SUBJECT = 'persistent-chat.sip-members';

export interface Notes {
  tell(note: Note): void;
  stop(): void;
}

/** What pods tell each other about SIP members. */
export function createNotes(
  nats: Pick<NatsLink, 'onConnected' | 'connected'>,
  onNote: (note: Note) => void,
  log: Logger,
): Notes {
  let connection: NatsConnection | undefined;

  function read(text: string): void {
    try {
      onNote(JSON.parse(text) as Note);
    } catch (err) {
      log.warn({ err }, 'a note about SIP members could not be read');
    }
  }

  const off = nats.onConnected((current) => {
    // The same one again where the client has restored it, with its subscriptions.
    if (connection === current) return;
    connection = current;
    current.subscribe(SUBJECT, {
      callback(err, message) {
        if (err) log.warn({ err }, 'notes about SIP members do not come');
        else read(message.string());
      },
    });
  });

  return {
    tell(note) {
      if (nats.connected) connection?.publish(SUBJECT, JSON.stringify(note));
    },
    stop: off,
  };
}
