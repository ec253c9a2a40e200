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

/** Cuts it out; `log.format` is made definite, as only the node knows where its log goes. */
export function workerConfigOf(config: Config, isTerminal: boolean): WorkerConfig {
  const { apps, holdMs, http, gopCache, viewer, fanOut, limits, access, log, node } = config;
  const keys = Object.entries(access.keys).map(([name, { play }]) => [name, { publish: undefined, play }]);
  const format = log.format === 'auto' && isTerminal ? 'pretty' : log.format;
  return {
    apps,
    holdMs,
    http,
    gopCache,
    viewer,
    fanOut,
    limits,
    access: { kind: access.kind, keys: Object.fromEntries(keys) as Config['access']['keys'] },
    log: { ...log, format },
    node: { zone: node.zone, region: node.region },
    forwardingMs: forwardingMs(config),
  };
}
