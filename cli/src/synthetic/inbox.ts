import { CliError } from '../cli-error.ts';

export interface Inbox<T> {
  push(item: T): void;
  /** The first item, past or to come, for which `match` holds; rejects when none came in time. */
  next(match: (item: T) => boolean, what: string): Promise<T>;
}

export function createInbox<T>(milliseconds: number): Inbox<T> {
  const items: T[] = [];
  const waiting = new Set<(item: T) => void>();
  return {
    push(item) {
      items.push(item);
      for (const offer of waiting) offer(item);
    },
    next: (match, what) =>
      new Promise((resolve, reject) => {
        const known = items.find(match);
        if (known !== undefined) return resolve(known);
        const end = () => {
          clearTimeout(timer);
          waiting.delete(offer);
        };
        const offer = (item: T): void => {
          if (!match(item)) return;
          end();
          resolve(item);
        };
        const timer = setTimeout(() => {
          end();
          reject(new CliError(`${what} did not come in ${milliseconds} ms`));
        }, milliseconds);
        waiting.add(offer);
      }),
  };
}
