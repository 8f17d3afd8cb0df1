import { status } from '@grpc/grpc-js';

/** The one error of this role: what an RPC answers. The host turns `code` and `details` into the gRPC status. */
export class CmsError extends Error {
  readonly code: status;
  readonly details: string;

  constructor(code: status, details: string, options?: ErrorOptions) {
    super(details, options);
    this.name = 'CmsError';
    this.code = code;
    this.details = details;
  }
}

export const invalid = (details: string): CmsError => new CmsError(status.INVALID_ARGUMENT, details);
export const unavailable = (details: string, cause?: unknown): CmsError =>
  new CmsError(status.UNAVAILABLE, details, { cause });
