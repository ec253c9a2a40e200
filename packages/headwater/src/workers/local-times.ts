// How long a node and its workers wait for each other. Nothing between them gets lost; what takes time is the network beyond.
import type { Config } from '@headwater/contracts';
import type { RelayKeepalive } from '@headwater/relay';

// A worker that dies closes its connections; pings would only find a node that is busy.
/** Pings between a node and its workers. */
export const localKeepalive: RelayKeepalive = { timeMs: 60_000, timeoutMs: 30_000 };

const graceMs = 2_000;

/** How long a worker's pull may take to open: until the node has waited for the stream in vain. */
export function localOpeningMs({ viewer }: Pick<Config, 'viewer'>): number {
  return viewer.waitForStreamMs + graceMs;
}

// A controller and the registry take their time beyond the lease to declare a node dead.
const beyondLeaseMs = 1_000;

/** How long an origin may take to accept a forwarded publisher: it may have to wait until another one is known to be dead. */
export function forwardingMs({ registry }: Pick<Config, 'registry'>): number {
  return registry.leaseMs + 2 * beyondLeaseMs;
}

/** How long the node may take to accept a worker's publisher: it may have to ask several origins. */
export function localForwardingMs(originMs: number): number {
  return 2 * originMs + graceMs;
}
