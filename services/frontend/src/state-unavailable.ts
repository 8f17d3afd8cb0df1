/** The store cannot take writes now; answered with 503 and Retry-After. What is stored goes on being served. */
export class StateUnavailable extends Error {
  override readonly name = 'StateUnavailable';
}
