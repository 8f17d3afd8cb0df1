import { expect, it } from 'vitest';
import { createEar, markOf } from './ear.ts';

it('hears every post once, however the stream is cut', () => {
  const text = [0, 7, 42, 123_456].map((n) => `<body>Shall we? ${markOf(n)}</body>`).join('[post-]');
  for (let size = 1; size < text.length; size++) {
    const heard: number[] = [];
    const hear = createEar((n) => heard.push(n));
    for (let at = 0; at < text.length; at += size) hear(text.slice(at, at + size));
    expect(heard).toEqual([0, 7, 42, 123_456]);
  }
});
