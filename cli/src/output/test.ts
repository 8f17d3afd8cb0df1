import type { Result } from '../synthetic/transactions.ts';
import { table } from './table.ts';

export const resultTable = (results: Result[]): string =>
  table(
    ['TRANSACTION', 'RESULT', 'MILLISECONDS', 'ERROR'],
    results.map(({ transaction, result, milliseconds, error }) => [
      transaction,
      result,
      String(milliseconds),
      error,
    ]),
  );
