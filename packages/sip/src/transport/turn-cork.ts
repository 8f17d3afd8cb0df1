import type { Socket } from 'node:net';

/** What is written to a socket within one turn of the event loop goes out in one piece. */
export class TurnCork {
  readonly #socket: Socket;
  #corked: boolean;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#corked = false;
  }

  /** To be called before each write. */
  hold(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#socket.cork();
    process.nextTick(() => {
      this.#corked = false;
      this.#socket.uncork();
    });
  }
}
