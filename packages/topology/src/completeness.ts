// Tells whether everything that is in a bucket has been seen by its watch.
//
// A bucket keeps only the last value of each key. What is overwritten before it was delivered never comes, so neither
// the server's count of pending messages nor ours can be waited for (the former drifts when a watch begins in the midst
// of writes). Stream sequences do not lie: with the stream's last one seen there is nothing older left to come, and
// from then on a gap means that something was overwritten unseen and its new value may stand behind what comes next.

export interface Completeness {
  readonly whole: boolean;
  /** An entry of this sequence has come. */
  saw(sequence: number): void;
}

/** Asks for the stream's last sequence when it is made and after gaps. `onWhole` runs when an answer, not an entry, decides. */
export function createCompleteness(
  askLast: () => Promise<number>,
  onWhole: () => void,
  onError: (error: unknown) => void,
): Completeness {
  let last = 0;
  let whole = false;
  let goal = Number.POSITIVE_INFINITY;

  function ask(): void {
    whole = false;
    goal = Number.POSITIVE_INFINITY;
    askLast().then(answered, onError);
  }

  function answered(sequence: number): void {
    if (last > sequence) return ask();
    goal = sequence;
    whole = last === sequence;
    if (whole) onWhole();
  }

  ask();
  return {
    get whole() {
      return whole;
    },
    saw(sequence) {
      const gap = whole ? sequence !== last + 1 : sequence > goal;
      last = sequence;
      if (gap) ask();
      else whole ||= sequence === goal;
    },
  };
}
