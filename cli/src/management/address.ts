/** `cms.contoso.lab:7010` or `[2001:db8::1]:7010`. */
export function isHostPort(text: string): boolean {
  const port = Number(/^.+:(\d{1,5})$/.exec(text)?.[1]);
  return port >= 1 && port <= 65_535;
}
