import {
  type ClientDuplexStream,
  type Metadata,
  makeGenericClientConstructor,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import type { Batch } from '../src/batch.ts';
import type { RpcClientConstructor } from '../src/rpc-client.ts';

/** A frame with nothing but bytes, in a service with nothing but the stream. */
export interface TestFrame {
  message: Buffer;
}

type TestBatch = Batch<TestFrame>;

function encode({ frames }: TestBatch): Buffer {
  return Buffer.concat(frames.flatMap(({ message }) => [lengthOf(message), message]));
}

function lengthOf(message: Buffer): Buffer {
  const prefix = Buffer.allocUnsafe(4);
  prefix.writeUInt32BE(message.length);
  return prefix;
}

function decode(bytes: Buffer): TestBatch {
  const frames: TestFrame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 + bytes.readUInt32BE(at);
    frames.push({ message: bytes.subarray(at + 4, end) });
    at = end;
  }
  return { frames };
}

export const framesDefinition = {
  connect: {
    path: '/test.Frames/Connect',
    requestStream: true,
    responseStream: true,
    requestSerialize: encode,
    requestDeserialize: decode,
    responseSerialize: encode,
    responseDeserialize: decode,
  },
} satisfies ServiceDefinition;

const Untyped = makeGenericClientConstructor(framesDefinition, 'test.Frames');

export interface FramesClient extends InstanceType<typeof Untyped> {
  connect(metadata: Metadata): ClientDuplexStream<TestBatch, TestBatch>;
}

export const FramesClient = Untyped as unknown as RpcClientConstructor<FramesClient>;

export const frame = (text: string): TestFrame => ({ message: Buffer.from(text) });
