import type { ConnectionOptions } from 'node:tls';

/** Where a server listens. */
export interface RedisAddress {
  readonly host: string;
  readonly port: number;
}

/** One server, by a URL like `redis://host:6379/0`, `rediss://…` for TLS. */
export interface SingleRedis {
  readonly kind: 'single';
  readonly url: string;
}

/** A master that Sentinels name. */
export interface SentinelRedis {
  readonly kind: 'sentinel';
  readonly sentinels: readonly RedisAddress[];
  /** The name under which the Sentinels watch the master. */
  readonly master: string;
  readonly sentinelUsername?: string;
  readonly sentinelPassword?: string;
}

/** A Redis Cluster, by some of its nodes. All keys share one hash tag, so one master at a time has them. */
export interface ClusterRedis {
  readonly kind: 'cluster';
  readonly nodes: readonly RedisAddress[];
}

/** The servers that hold a registry. */
export type RedisServer = SingleRedis | SentinelRedis | ClusterRedis;

/** How to prove who we are. What a URL says counts where these are absent. */
export interface RedisAccess {
  readonly username?: string;
  readonly password?: string;
  /** Options of the TLS connection; its presence turns TLS on, towards Sentinels as well. */
  readonly tls?: ConnectionOptions;
}
