import type { TransactionLayer, TransactionLayerOptions } from './transaction.ts';

export function createTransactionLayer(_options: TransactionLayerOptions): TransactionLayer {
  throw new Error('the transaction layer is not there yet');
}
