// Finds posts in whatever a server sends to a member, XML or JSON, without understanding the rest: so that listening to either
// server costs the bench the same.

/** What is put into the body of a post for its number to be found again. */
export const markOf = (n: number): string => `[post-${n}]`;

const MARK = /\[post-(\d+)\]/g;
/** A mark may be cut in two between chunks. */
const LONGEST = '[post-000000000]'.length;

export function createEar(onPost: (n: number) => void): (chunk: string) => void {
  let rest = '';
  return (chunk) => {
    const text = rest + chunk;
    let end = 0;
    for (const match of text.matchAll(MARK)) {
      end = match.index + match[0].length;
      onPost(Number(match[1]));
    }
    rest = text.slice(Math.max(end, text.length - LONGEST));
  };
}
