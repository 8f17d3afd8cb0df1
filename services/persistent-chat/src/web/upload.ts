import type { IncomingMessage, ServerResponse } from 'node:http';
import { continueIfAsked } from './body.ts';
import { WebError } from './problem.ts';

export interface UploadedBytes {
  /** What the client says; undefined where it does not know. */
  bytes: number | undefined;
  /** Asks the client for them, and gives them as they come. */
  content(): AsyncIterable<Buffer>;
}

export function bytesOf(request: IncomingMessage, response: ServerResponse): UploadedBytes {
  if (request.headers['content-encoding'] !== undefined)
    throw new WebError(415, 'invalid', 'the body may not be compressed');
  const length = request.headers['content-length'];
  return {
    bytes: length === undefined ? undefined : Number(length),
    content() {
      continueIfAsked(request, response);
      // Who stops reading early must not end the connection: the client has to hear why.
      return request.iterator({ destroyOnReturn: false });
    },
  };
}
