import { expect, test } from 'vitest';
import { attachment } from './download.ts';

test.each([
  ['a.txt', `attachment; filename="a.txt"; filename*=UTF-8''a.txt`],
  ['a"b\\c%41.txt', `attachment; filename="a_b_c_41.txt"; filename*=UTF-8''a%22b%5Cc%2541.txt`],
  ["o'k (1)*.txt", `attachment; filename="o'k (1)*.txt"; filename*=UTF-8''o%27k%20%281%29%2A.txt`],
  ['😀.png', `attachment; filename="_.png"; filename*=UTF-8''%F0%9F%98%80.png`],
  ['a\r\nb', `attachment; filename="a__b"; filename*=UTF-8''a%0D%0Ab`],
])('%j can be written into a header', (name, header) => expect(attachment(name)).toBe(header));
