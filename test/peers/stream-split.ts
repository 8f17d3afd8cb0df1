/**
 * Splits whole messages off a stream: the head ends with an empty line, Content-Length tells the rest (RFC 3261 18.3).
 * `onPong` hears of empty lines between messages, which answer a keep-alive (RFC 5626 4.4.1).
 */
export function split(take: (bytes: Buffer) => void, onPong = (): void => {}): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (;;) {
      const before = rest.length;
      while (rest[0] === 13 || rest[0] === 10) rest = rest.subarray(1);
      if (rest.length < before) onPong();
      const head = rest.indexOf('\r\n\r\n');
      if (head < 0) return;
      const length = /^(?:content-length|l)\s*:\s*(\d+)/im.exec(rest.subarray(0, head).toString('latin1'));
      const end = head + 4 + Number(length?.[1] ?? 0);
      if (rest.length < end) return;
      take(rest.subarray(0, end));
      rest = rest.subarray(end);
    }
  };
}
