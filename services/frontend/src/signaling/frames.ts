import { FlowEvent, type Frame } from '@linchpin/proto/relay/v1/relay';
import type { Flow } from '@linchpin/sip';

const nothing = Buffer.alloc(0);

/** `<pod>/<connection>`: the first word of a flow's id is the pod where the flow ends. */
export const podOf = (flowId: string): string => flowId.slice(0, flowId.indexOf('/'));

/** What a client said, for another Front End. */
export interface Told {
  identity: string;
  hops: number;
  traceparent: string;
}

export const inward = (flow: Flow, message: Buffer, { identity, hops, traceparent }: Told): Frame => ({
  message,
  flow: flow.id,
  event: FlowEvent.UNSPECIFIED,
  identity,
  transport: flow.transport,
  remoteAddress: flow.remote.address,
  remotePort: flow.remote.port,
  traceparent,
  sentBy: flow.sentBy,
  hops,
});

/** What a client is to be told, or with `event` what is to become of its connection. */
export const outward = (
  flow: string,
  traceparent: string,
  message: Uint8Array = nothing,
  event: FlowEvent = FlowEvent.UNSPECIFIED,
): Frame => ({
  message: message as Buffer,
  flow,
  event,
  identity: '',
  transport: '',
  remoteAddress: '',
  remotePort: 0,
  traceparent,
  sentBy: '',
  hops: 0,
});

export const closed = (flow: string): Frame => outward(flow, '', nothing, FlowEvent.CLOSED);
