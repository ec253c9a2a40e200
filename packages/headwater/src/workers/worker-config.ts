// What a worker is told of the configuration: what it needs to serve viewers. Workers read what strangers send, so they know
// neither the registry's password nor a key for publishing, nor where pull jobs have their streams from.
import type { Config } from '@headwater/contracts';
import { forwardingMs } from './local-times.ts';

/** A worker's share of the configuration. */
export interface WorkerConfig extends Pick<
  Config,
  'apps' | 'holdMs' | 'http' | 'gopCache' | 'viewer' | 'fanOut' | 'limits' | 'access' | 'log'
> {
  readonly node: Pick<Config['node'], 'zone' | 'region'>;
  /** How long the node may take until an origin has accepted a publisher. */
  readonly forwardingMs: number;
}

/** What only the node knows. */
export interface WorkerSurroundings {
  /** How many workers there are. */
  readonly size: number;
  /** Whether the node's log goes to a terminal. */
  readonly isTerminal: boolean;
}

/** Cuts it out. */
export function workerConfigOf(config: Config, { size, isTerminal }: WorkerSurroundings): WorkerConfig {
  const { apps, holdMs, http, gopCache, viewer, fanOut, limits, access, log, node } = config;
  const keys = Object.entries(access.keys).map(([name, { play }]) => [name, { publish: undefined, play }]);
  const format = log.format === 'auto' && isTerminal ? 'pretty' : log.format;
  return {
    apps,
    holdMs,
    http,
    gopCache,
    viewer,
    fanOut: shareOf(fanOut, size),
    limits,
    access: { kind: access.kind, keys: Object.fromEntries(keys) as Config['access']['keys'] },
    log: { ...log, format },
    node: { zone: node.zone, region: node.region },
    forwardingMs: forwardingMs(config),
  };
}

// What a stream's viewers cost decides how they are written to, and that is told by their number at the node: each worker has
// its part of them.
function shareOf(fanOut: Config['fanOut'], size: number): Config['fanOut'] {
  const { immediateBelowViewers, manyViewers } = fanOut;
  return {
    ...fanOut,
    immediateBelowViewers: Math.ceil(immediateBelowViewers / size),
    manyViewers: Math.ceil(manyViewers / size),
  };
}
