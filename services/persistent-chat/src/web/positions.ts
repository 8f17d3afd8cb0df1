// Where a reader of events is: `<room>/<seq>` of the last one, which comes back as Last-Event-ID. In a stream of several rooms the
// others follow, each by the end of its id: a reader that comes back has one id only, and must miss nothing anywhere.

/** The last block of a UUID: random in all versions that ids are made of. */
const SHORT = 12;
const ITEM = /^([0-9a-f-]{12,36})\/(\d{1,15})$/;
/** So many rooms have no stream. */
const MOST_ITEMS = 501;

const shortOf = (room: string): string => room.slice(-SHORT);

/** The id to send with an event of `room`. */
export function writePositions(room: string, positions: ReadonlyMap<string, number>): string {
  const own = `${room}/${positions.get(room) ?? 0}`;
  const others = [...positions].filter(([other]) => other !== room);
  return [own, ...others.map(([other, seq]) => `${shortOf(other)}/${seq}`)].join(',');
}

/** Asked for the id of a room; undefined where nothing is known of it. What cannot be read counts as nothing. */
export function readPositions(lastEventId: string | undefined): (room: string) => number | undefined {
  const known = new Map<string, number>();
  for (const item of (lastEventId ?? '').split(',', MOST_ITEMS)) {
    const [, room = '', seq] = ITEM.exec(item.trim()) ?? [];
    if (seq !== undefined) known.set(shortOf(room), Number(seq));
  }
  return (room) => known.get(shortOf(room));
}
