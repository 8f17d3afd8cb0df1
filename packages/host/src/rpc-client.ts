import type { ChannelCredentials, ChannelOptions, Client, ClientOptions } from '@grpc/grpc-js';

/** A client class as ts-proto generates it. */
export type RpcClientConstructor<C extends Client> = new (
  address: string,
  credentials: ChannelCredentials,
  options?: Partial<ClientOptions>,
) => C;

/** The server has to show the certificate of `role`. Unary calls without a deadline get one of 5 seconds. */
export function createRpcClient<C extends Client>(
  _Client: RpcClientConstructor<C>,
  _address: string,
  _role: string,
  _mtls: { client(): ChannelCredentials },
  _options: ChannelOptions = {},
): C {
  throw new Error('not built yet');
}
