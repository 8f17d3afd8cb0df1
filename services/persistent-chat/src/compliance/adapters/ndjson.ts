// One line of JSON for each event: `event` as it was hashed, and what it is chained with.
import type { AdapterBatch } from './adapter.ts';

/** As the files of an export: `previous` stands on the first line. */
export const toNdjson = ({ previous, events }: AdapterBatch): string =>
  events
    .map(({ event, hash }, at) => {
      const tail = at === 0 ? `,"previous":"${previous.toString('hex')}"` : '';
      return `{"event":${event},"hash":"${hash.toString('hex')}"${tail}}\n`;
    })
    .join('');
