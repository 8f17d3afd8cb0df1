import { quote, toWireText } from './quoting.ts';

/** The header by which a server tells why it refused ([MS-OCER] 2.2.1): `code;reason="…";source="pod";id="…"`. */
export function diagnostics(code: number, reason: string, source: string, id: string): [string, string] {
  const written = (text: string) => quote(toWireText(text.replace(/[\r\n]+/g, ' ')));
  return ['ms-diagnostics', `${code};reason=${written(reason)};source=${written(source)};id=${written(id)}`];
}
