import type { AccessPolicy, Clock, Logger, Metrics } from '@headwater/contracts';
import type { NodeRef, StreamRegistry } from '@headwater/cluster';
import type { FrameRingLimits } from '@headwater/media';
import type { RelayClient } from '@headwater/relay';
import type { ClaimPatienceOptions } from './claim-patience.ts';
import type { RegistryStanding } from './registry-standing.ts';

/** What an origin is made of. */
export interface OriginOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly registry: StreamRegistry;
  readonly access: AccessPolicy;
  readonly node: NodeRef;
  /** Where edges reach this node's relay, `host:port`; asked at each claim. */
  relayAddress(): string;
  readonly ring: FrameRingLimits;
  readonly holdMs: number;
  readonly maxPublishers: number;
  /** Publishers of other origins that count to the same limit. Left out: there are none. */
  publishersElsewhere?(): number;
  /** How a claim waits for an owner that is dead and not yet known to be. Left out: it does not. */
  readonly patience?: Omit<ClaimPatienceOptions, 'clock'>;
  /** How this node stands with the registry. Left out: well, and for ever. */
  standing?(): RegistryStanding;
  /** Uniform in [0, 1); `Math.random` unless told. */
  readonly random?: () => number;
  /** How streams of other origins are followed. Left out: they are not. */
  readonly relay?: Pick<RelayClient, 'pull' | 'probe'>;
  readonly backup?: BackupPolicy;
}

/** What becomes of second publishers. */
export interface BackupPolicy {
  /** A backup takes over from a primary that has sent nothing for this long. */
  readonly silentAfterMs: number;
  /** True: a second publisher with the same credential is a backup without saying so. */
  readonly isEverySecond: boolean;
}

/** Backups say that they are, and wait for a second. */
export const defaultBackupPolicy: BackupPolicy = { silentAfterMs: 1_000, isEverySecond: false };
