// How a publisher's node gets the right to its stream: from the registry, and while that is away, provisionally, at an
// epoch of its own. What is provisional is claimed late, by `LateClaims`.
import { AppError, toAppError, type Clock, type StreamKey } from '@headwater/contracts';
import {
  EpochMemory,
  type ClaimRequest,
  type ClaimResult,
  type NodeRef,
  type StreamRecord,
  type StreamRegistry,
} from '@headwater/cluster';
import { claimWithPatience, type ClaimPatienceOptions } from './claim-patience.ts';
import type { OriginStream } from './origin-stream.ts';
import type { RegistryStanding } from './registry-standing.ts';
import { mayReplace } from './publish-conflict.ts';
import { StreamChanges } from './stream-changes.ts';
import { within } from './within.ts';

/** What claims are made with. */
export interface PublishClaimsOptions {
  readonly clock: Clock;
  readonly registry: StreamRegistry;
  readonly node: NodeRef;
  relayAddress(): string;
  readonly patience?: Omit<ClaimPatienceOptions, 'clock'> | undefined;
  standing(): RegistryStanding;
  /** Uniform in [0, 1); `Math.random` unless told. */
  readonly random?: () => number;
}

/** Who wants a stream. */
export interface PublishClaim {
  readonly key: StreamKey;
  readonly credential: string | undefined;
  /** What this node has under the key. */
  readonly current: OriginStream | undefined;
  /** The publisher is to stand behind a live one of the same credential, where there is one. */
  readonly yields?: boolean;
  /** True while somebody waits for the outcome. */
  isWanted(): boolean;
}

/** The right to a stream, for one epoch. Provisional: nobody but this node knows of it. */
export interface ClaimGrant {
  readonly epoch: number;
  readonly isProvisional: boolean;
  /** As the publisher asked for; what is claimed late is claimed so, too. */
  readonly yields?: boolean;
}

/** Somebody else is live, and the publisher is to stand behind it. */
export interface StandsBehind {
  readonly primary: StreamRecord;
}

/** How long one answer of the registry is waited for; its own limits are shorter. */
export const registryAnswerMs = 1_500;
const rememberedStreams = 10_000;
// By how much provisional epochs of different nodes may be apart, so that they hardly ever meet.
const spreadEpochs = 65_536;
// In so many ms each node has a place of its own: clocks that are apart must not give two nodes one epoch.
const placesOfNodes = 64;

/** Claims streams for publishers. */
export class PublishClaims {
  readonly #options: PublishClaimsOptions;
  readonly #seen = new EpochMemory(rememberedStreams);
  readonly #changes: StreamChanges;

  constructor(options: PublishClaimsOptions) {
    this.#options = options;
    this.#changes = new StreamChanges(options.registry, options.clock);
  }

  /** Rejects with `already_publishing`, by the rules of this node or by the registry's word. */
  async claim(wanted: PublishClaim): Promise<ClaimGrant | StandsBehind> {
    const { key, credential, current, yields } = wanted;
    if (yields === true && current?.publisher.isConnected === true) {
      const title = current.title(this.#options.relayAddress());
      return { primary: { stream: key, owner: this.#options.node, ...title } };
    }
    const replaces = current !== undefined && mayReplace(current.publisher, credential);
    if (current !== undefined && !replaces) throw refusal(key);
    // A node that the others may hold for dead has nothing to say to the registry before its next beat.
    if (this.#options.standing().isDoubtful) return this.#provisional(wanted);
    try {
      if (await this.#isForgotten(key)) return this.#provisional(wanted);
      return await this.#askRegistry(wanted, this.#request(wanted, replaces));
    } catch (caught) {
      if (toAppError(caught).code !== 'registry_unavailable') throw caught;
      return this.#provisional(wanted);
    }
  }

  /** The request of a claim that is late: the stream is served already. */
  lateRequest({ key, credential, epoch }: OriginStream, yields: boolean): ClaimRequest {
    // What this node has under the key is its own affair: a record of an earlier epoch of its is no rival.
    return { ...this.#request({ key, credential, yields }, true), servedEpoch: epoch };
  }

  /** Remembers an epoch, so that none at or below it is ever served. */
  seen(key: StreamKey, epoch: number): void {
    this.#seen.remember(key, Math.max(epoch, this.#seen.last(key)));
  }

  // A registry that has lost its memory knows of no owner in the way before that has beaten again.
  async #isForgotten(key: StreamKey): Promise<boolean> {
    const { registry, clock } = this.#options;
    const { rejoinedAtMs, leaseMs } = this.#options.standing();
    if (clock.nowMs() - rejoinedAtMs >= leaseMs) return false;
    const record = await within(clock, registryAnswerMs, registry.stream(key), registryIsLate);
    return record?.state !== 'live' && record?.state !== 'interrupted';
  }

  async #askRegistry(wanted: PublishClaim, request: ClaimRequest): Promise<ClaimGrant | StandsBehind> {
    const { registry, clock, patience } = this.#options;
    const claim = async (): Promise<ClaimResult> =>
      within(clock, registryAnswerMs, registry.claim(request), registryIsLate);
    const result =
      patience === undefined ? await claim() : await this.#claimPatiently(wanted, claim, patience);
    if (result.outcome === 'claimed') {
      this.seen(wanted.key, result.record.epoch);
      return { epoch: result.record.epoch, isProvisional: false };
    }
    this.seen(wanted.key, result.current.epoch);
    if (wanted.yields === true) return { primary: result.current };
    throw refusal(wanted.key, result.current.owner.nodeId);
  }

  async #claimPatiently(
    wanted: PublishClaim,
    claim: () => Promise<ClaimResult>,
    patience: Omit<ClaimPatienceOptions, 'clock'>,
  ): Promise<ClaimResult> {
    const { clock } = this.#options;
    const change = this.#changes.follow(wanted.key);
    try {
      return await claimWithPatience(claim, () => wanted.isWanted(), { ...patience, clock, change });
    } finally {
      change.close();
    }
  }

  #request(
    { key, credential, yields }: Pick<PublishClaim, 'key' | 'credential' | 'yields'>,
    replaces: boolean,
  ): ClaimRequest {
    return {
      stream: key,
      owner: this.#options.node,
      relayAddress: this.#options.relayAddress(),
      mayReplace: replaces,
      ...(credential === undefined ? {} : { credential }),
      seenEpoch: this.#seen.last(key),
      ...(yields === true ? { yields } : {}),
    };
  }

  // As the registry would derive it from what this node knows.
  #provisional({ key, current, yields = false }: PublishClaim): ClaimGrant {
    const seen = Math.max(this.#seen.last(key), current?.epoch ?? 0);
    const { clock, random = Math.random } = this.#options;
    // Several nodes may have seen the same epoch and be behind it by their clocks: none may serve what another serves.
    const above = seen + 1 + Math.floor(random() * spreadEpochs);
    const wallMs = Math.floor(clock.wallMs());
    const own = wallMs - (wallMs % placesOfNodes) + placeOf(this.#options.node.nodeId);
    const epoch = own > seen ? own : above;
    this.seen(key, epoch);
    return { epoch, isProvisional: true, yields };
  }
}

function placeOf(nodeId: string): number {
  let place = 0;
  for (let index = 0; index < nodeId.length; index++) {
    place = (place * 31 + nodeId.charCodeAt(index)) % placesOfNodes;
  }
  return place;
}

/** The registry did not answer in time. */
export function registryIsLate(): AppError {
  return new AppError('registry_unavailable', { details: { limitMs: registryAnswerMs } });
}

function refusal(stream: StreamKey, owner?: string): AppError {
  return new AppError('already_publishing', { details: { stream, owner } });
}
