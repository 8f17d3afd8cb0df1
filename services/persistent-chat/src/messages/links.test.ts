import { expect, test } from 'vitest';
import { refusedScheme } from './links.ts';

test.each([
  'see http://contoso.lab/a?b=c:d and HTTPS://contoso.lab',
  'call sip:alice@contoso.lab or tel:+15550100, mailto:bob@contoso.lab',
  'at 10:30, note: std::vector, C:\\temp, data: as follows',
  'metadata:value, the file: report.txt, about: nothing',
  'javascript: a language',
  'ünïcödé: 日本語：です',
  '50% of &amp; and 100%: done',
  'see\nhttp://contoso.lab\nand\thttp://contoso.lab',
])('takes %j', (text) => expect(refusedScheme(text)).toBeUndefined());

test.each([
  ['javascript:alert(1)', 'javascript'],
  ['[x](JaVaScRiPt:alert(1))', 'javascript'],
  ['java\nscript:alert(1)', 'javascript'],
  ['java\u200bscript:alert(1)', 'javascript'],
  ['java&#115;cript&colon;alert(1)', 'javascript'],
  ['javascript&#x3a;alert(1)', 'javascript'],
  ['javascript%3Aalert(1)', 'javascript'],
  ['javascript%253Aalert(1)', 'javascript'],
  ['ｊａｖａｓｃｒｉｐｔ：alert(1)', 'javascript'],
  ['vbscript:msgbox', 'vbscript'],
  ['data:text/html;base64,PHNjcmlwdD4=', 'data'],
  ['file:///etc/passwd', 'file'],
  ['file:/etc/passwd', 'file'],
  ['ftp://contoso.lab', 'ftp'],
  ['smb:\\\\server\\share', 'smb'],
  ['ms-msdt:/id PCWDiagnostic', 'ms-msdt'],
  ['search-ms:query=a', 'search-ms'],
  ['hxxp&#58;//contoso.lab', 'hxxp'],
])('refuses %j', (text, scheme) => expect(refusedScheme(text)).toBe(scheme));
