/** One line of what `npm run bench` prints. */
export interface Row {
  what: string;
  measured: string;
  baseline?: string;
  ratio?: string;
  bar?: string;
}
