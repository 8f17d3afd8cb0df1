import {
  type ChannelCredentials,
  type ChannelOptions,
  type Client,
  type ClientOptions,
  InterceptingCall,
  type Interceptor,
} from '@grpc/grpc-js';
import { roleName } from './caller.ts';

/** A client class as ts-proto generates it. */
export type RpcClientConstructor<C extends Client> = new (
  address: string,
  credentials: ChannelCredentials,
  options?: Partial<ClientOptions>,
) => C;

const UNARY_DEADLINE_MS = 5_000;

const CHANNEL: ChannelOptions = {
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 3_000,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 2_000,
  // Roles find each other by address: neither a proxy from the environment nor TXT records have a say.
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
};

/** The server has to show the certificate of `role`. Unary calls without a deadline get one of 5 seconds. */
export function createRpcClient<C extends Client>(
  Client: RpcClientConstructor<C>,
  address: string,
  role: string,
  mtls: { client(): ChannelCredentials },
  options: ChannelOptions = {},
): C {
  return new Client(address, mtls.client(), {
    ...CHANNEL,
    'grpc.ssl_target_name_override': roleName(role),
    interceptors: [unaryDeadline],
    ...options,
  });
}

const unaryDeadline: Interceptor = (options, nextCall) => {
  const { requestStream, responseStream } = options.method_definition;
  const bounded = options.deadline !== undefined || requestStream || responseStream;
  return new InterceptingCall(
    nextCall(bounded ? options : { ...options, deadline: Date.now() + UNARY_DEADLINE_MS }),
  );
};
