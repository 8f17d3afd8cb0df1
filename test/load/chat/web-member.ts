// A client of Persistent Chat's HTTPS: an event stream for what it hears, and a connection for what it posts.
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { answerChallenge } from '@linchpin/sip';
import { createEar } from './ear.ts';
import type { Member } from './member.ts';

export interface WebAccount {
  port: number;
  ca: string;
  user: string;
  password: string;
}

export async function signInByWeb(account: WebAccount, onPost: (n: number) => void): Promise<Member> {
  const agent = new Agent({ ca: account.ca, keepAlive: true, maxSockets: 1 });
  const streams: IncomingMessage[] = [];
  const at = { host: '127.0.0.1', port: account.port };
  const ask = (method: string, path: string, headers: Record<string, string>, body?: string) =>
    new Promise<Answer>((resolve, reject) => {
      const asking = request({ ...at, method, path, agent, headers }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => resolve({ response, text }));
        response.on('error', reject);
      });
      asking.on('error', reject);
      asking.end(body);
    });

  async function signIn(): Promise<string> {
    const challenged = await ask('POST', '/v1/token', {});
    // The first one of those that are offered.
    const [challenge = ''] = (challenged.response.headers['www-authenticate'] ?? '').split(', Digest ');
    const { user: username, password } = account;
    const how = { username, password, method: 'POST', uri: '/v1/token' };
    const answer = await ask('POST', '/v1/token', { authorization: answerChallenge(challenge, how) });
    return `Bearer ${JSON.parse(expectStatus(answer, 200)).access_token}`;
  }
  const authorization = await signIn();

  return {
    join: (room) =>
      new Promise((resolve, reject) => {
        const path = `/v1/rooms/${encodeURIComponent(room)}/events`;
        const headers = { authorization };
        const asking = request({ ...at, path, agent: false, ca: account.ca, headers }, (response) => {
          streams.push(response);
          response.setEncoding('utf8');
          response.on('error', () => {});
          if (response.statusCode !== 200)
            return reject(new Error(`a stream is refused: ${response.statusCode}`));
          const hear = createEar(onPost);
          let joined = false;
          response.on('data', (chunk: string) => {
            // What was posted before is part of it.
            if (joined) return hear(chunk);
            joined = chunk.includes('event: joined');
            if (joined) resolve();
          });
        });
        asking.on('error', reject);
        asking.end();
      }),
    async post(room, n, body) {
      const json = JSON.stringify({ clientId: `post-${n}`, body });
      const headers = {
        authorization,
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(json)),
      };
      expectStatus(await ask('POST', `/v1/rooms/${encodeURIComponent(room)}/posts`, headers, json), 201);
    },
    close() {
      for (const stream of streams) stream.destroy();
      agent.destroy();
    },
  };
}

interface Answer {
  response: IncomingMessage;
  text: string;
}

function expectStatus({ response, text }: Answer, status: number): string {
  if (response.statusCode === status) return text;
  throw new Error(`${response.statusCode} instead of ${status}: ${text.slice(0, 500)}`);
}
