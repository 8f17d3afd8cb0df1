export * from './message/index.ts';
export type { Address, Flow, TransportName } from './transport/flow.ts';
