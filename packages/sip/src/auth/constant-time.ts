/**
 * Whether two texts are the same, in a time that does not tell how far they are. For texts as short as a digest,
 * `timingSafeEqual` takes longer to be given its buffers than to compare them.
 */
export function isSameText(one: string, other: string): boolean {
  if (one.length !== other.length) return false;
  let difference = 0;
  for (let i = 0; i < one.length; i++) difference |= one.charCodeAt(i) ^ other.charCodeAt(i);
  return difference === 0;
}
