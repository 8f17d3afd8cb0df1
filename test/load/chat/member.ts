/** Somebody who is signed in to a server with rooms, over TLS as people's clients are, and hears what is posted where it is. */
export interface Member {
  join(room: string): Promise<void>;
  /** Resolves when the server has told its author that it is posted. */
  post(room: string, n: number, body: string): Promise<void>;
  close(): void;
}

/** A server to compare. */
export interface RoomServer {
  readonly name: string;
  /** Processor seconds so far: of the server itself, without its database. */
  cpu(): number;
  /** `room`: as the mix counts them. */
  roomName(room: number): string;
  signIn(user: number, onPost: (n: number) => void): Promise<Member>;
  /** How many posts its archive has. */
  archived(): Promise<number>;
}
