/** RFC 7118 5: WebSocket has one name in URIs, with TLS or without. */
export const uriTransport = (transport: string): string => (transport === 'wss' ? 'ws' : transport);
