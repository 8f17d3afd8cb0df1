import { randomFillSync } from 'node:crypto';

const stock = Buffer.alloc(4096);
let taken = stock.length;

/**
 * Random bytes drawn in bulk: asked for one by one they were a sixth of the time that a challenged REGISTER takes. The
 * stock keeps what it gave out for a while, so this is for what is sent anyway, such as tags and nonces, not for keys.
 */
export function copyRandom(target: Buffer, at: number, length: number): void {
  const from = take(length);
  stock.copy(target, at, from, from + length);
}

export function randomHex(length: number): string {
  const from = take(length);
  return stock.toString('hex', from, from + length);
}

function take(length: number): number {
  if (taken + length > stock.length) {
    randomFillSync(stock);
    taken = 0;
  }
  taken += length;
  return taken - length;
}
