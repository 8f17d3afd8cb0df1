/** What one who waits is woken by: something to do, or a reason to try again at once. */
export interface Bell {
  ring(): void;
  poke(): void;
  /** Resolves with the next ring, at once for one that nobody has heard. */
  rung(): Promise<void>;
  /** Resolves with the next poke, or after so many milliseconds. */
  poked(milliseconds: number): Promise<void>;
}

export function createBell(): Bell {
  let isRung = false;
  let onRing = (): void => {};
  let onPoke = (): void => {};
  return {
    ring() {
      isRung = true;
      onRing();
    },
    poke: () => onPoke(),
    async rung() {
      if (!isRung)
        await new Promise<void>((resolve) => {
          onRing = resolve;
        });
      isRung = false;
    },
    poked: (milliseconds) =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, milliseconds);
        timer.unref();
        onPoke = () => {
          clearTimeout(timer);
          resolve();
        };
      }),
  };
}
