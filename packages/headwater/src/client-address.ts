// Whose connection a socket is. A proxy that speaks for clients says it in a header (see `proxy-protocol`); for all others it is
// the peer's address.
import type { Duplex } from 'node:stream';

/** A connection that came by a proxy. */
export interface ProxiedClient {
  readonly address: string;
  /** When the proxy connected, by the program's clock: deadlines run from then on. */
  readonly sinceMs: number;
}

const clients = new WeakMap<Duplex, ProxiedClient>();

/** Notes what a proxy said about its connection. */
export function noteProxiedClient(socket: Duplex, client: ProxiedClient): void {
  clients.set(socket, client);
}

/** What a proxy said about its connection; undefined where the peer is the client. */
export function proxiedClientOf(socket: Duplex): ProxiedClient | undefined {
  return clients.get(socket);
}

/** The address of the client that a connection belongs to; empty once a peer is gone. */
export function clientAddressOf(socket: Duplex & { readonly remoteAddress?: string | undefined }): string {
  return clients.get(socket)?.address ?? socket.remoteAddress ?? '';
}
