/** Something the operator can act on: the message says what is wrong and what to do. */
export class BackendError extends Error {
  override name = 'BackendError';
}
