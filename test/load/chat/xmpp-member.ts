// A client of XMPP that can sign in, enter rooms and post: RFC 6120, RFC 6121, XEP-0045, with TLS from the first byte (XEP-0368).
import { connect, type TLSSocket } from 'node:tls';
import { createEar } from './ear.ts';
import type { Member } from './member.ts';

export interface XmppAccount {
  port: number;
  ca: string;
  domain: string;
  user: string;
  password: string;
}

const PATIENCE_MS = 20_000;

export async function signInByXmpp(account: XmppAccount, onPost: (n: number) => void): Promise<Member> {
  const { port, ca, domain, user, password } = account;
  const socket = connect({ host: '127.0.0.1', port, ca, servername: domain, ALPNProtocols: ['xmpp-client'] });
  socket.setNoDelay(true);
  const stream = createStream(socket);
  const posted = new Map<number, () => void>();
  const hear = createEar((n) => {
    onPost(n);
    // What the room sends to all comes back to its author too: then it is posted.
    posted.get(n)?.();
    posted.delete(n);
  });
  const open = `<stream:stream to='${domain}' version='1.0' xml:lang='en' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>`;
  await stream.ask(`<?xml version='1.0'?>${open}`, /<\/stream:features>/);
  const plain = Buffer.from(`\0${user}\0${password}`).toString('base64');
  const sasl = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>";
  await stream.ask(`${sasl}${plain}</auth>`, /<success/);
  await stream.ask(open, /<\/stream:features>/);
  const bind = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>bench</resource></bind>";
  await stream.ask(`<iq type='set' id='bind'>${bind}</iq>`, /<iq [^>]*id='bind'[^>]*type='result'|<jid>/);

  return {
    async join(room) {
      const enter = "<x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x>";
      // 110: this is about yourself, and comes after all who are there.
      await stream.ask(`<presence to='${room}/${user}'>${enter}</presence>`, /code='110'/);
      stream.hear(hear);
    },
    post(room, n, body) {
      return new Promise((resolve) => {
        posted.set(n, resolve);
        socket.write(`<message to='${room}' type='groupchat' id='m${n}'><body>${body}</body></message>`);
      });
    },
    close: () => void socket.destroy(),
  };
}

function createStream(socket: TLSSocket) {
  let text = '';
  let waiting: { pattern: RegExp; resolve(): void; reject(error: Error): void } | undefined;
  let hear: ((chunk: string) => void) | undefined;
  let failure: Error | undefined;

  function look(): void {
    if (waiting === undefined) return;
    const failed = /<failure|<stream:error|type='error'/.exec(text);
    if (failed)
      waiting.reject(new Error(`the server refuses: ${text.slice(failed.index, failed.index + 500)}`));
    else if (waiting.pattern.test(text)) waiting.resolve();
    else return;
    waiting = undefined;
    text = '';
  }

  function fail(error: Error): void {
    failure = error;
    waiting?.reject(error);
    waiting = undefined;
  }

  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    hear?.(chunk);
    if (waiting === undefined) return;
    text += chunk;
    look();
  });
  socket.on('error', fail);
  socket.on('close', () => fail(new Error('the server has closed the connection')));

  return {
    /** Sends and waits until what comes then has this in it. */
    ask(request: string, pattern: RegExp): Promise<void> {
      return new Promise((resolve, reject) => {
        if (failure) return reject(failure);
        const timer = setTimeout(() => fail(new Error(`no ${pattern} in ${text.slice(-500)}`)), PATIENCE_MS);
        const settle =
          <T extends unknown[]>(then: (...args: T) => void) =>
          (...args: T): void => {
            clearTimeout(timer);
            then(...args);
          };
        waiting = { pattern, resolve: settle(resolve), reject: settle(reject) };
        socket.write(request);
      });
    },
    /** From now on. */
    hear(listener: (chunk: string) => void): void {
      hear = listener;
    },
  };
}
