/** What a copy of the user state elsewhere is told, and asked for; see `createBackup`. */
export interface BackupHooks {
  /**
   * This pod owns the group, with all of it in memory; `incarnation` tells the group's stream from earlier ones. Called again
   * with each new term.
   */
  take(group: number, owner: { incarnation: string; term: number }): void;
  release(group: number): void;
  /** A change of a group that was taken is durable; '' is a deletion. */
  stored(group: number, key: string, revision: number, text: string): void;
  /** Called when a group's stream is lost and nothing of it is in memory. When it rejects, it is called again after a while. */
  restore(group: number): Promise<Iterable<{ key: string; text: string }>>;
}
