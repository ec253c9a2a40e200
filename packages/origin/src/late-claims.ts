// Streams that began while the registry was away are served at once and claimed late. Until that is decided nobody but
// this node knows of them; heartbeats do not name them, or a rebuilt registry would give them what somebody else has.
import {
  toAppError,
  type Clock,
  type Counter,
  type Gauge,
  type Logger,
  type Metrics,
  type StreamKey,
  type Timer,
} from '@headwater/contracts';
import {
  isSameRun,
  type ClaimRequest,
  type NodeRef,
  type OwnedStream,
  type StreamRecord,
  type StreamRegistry,
} from '@headwater/cluster';
import type { OriginStream } from './origin-stream.ts';
import type { RegistryStanding } from './registry-standing.ts';
import { registryIsLate, registryAnswerMs } from './publish-claims.ts';
import { within } from './within.ts';

/** What late claims are made with. */
export interface LateClaimsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly registry: StreamRegistry;
  readonly node: NodeRef;
  standing(): RegistryStanding;
  /** Uniform in [0, 1): spreads the claims of many streams. */
  random(): number;
  request(stream: OriginStream, yields: boolean): ClaimRequest;
  /** True while somebody else is about to claim the key. */
  isTaken(key: StreamKey): boolean;
  /** The stream is this node's, at the epoch that it has or at a higher one. */
  granted(stream: OriginStream, epoch: number): void;
  /** The stream is another owner's. */
  refused(stream: OriginStream, current: StreamRecord): void;
}

/** How a late claim ended: as it was served, at a higher epoch, not at all, or the stream was over before. */
export type LateClaimOutcome = 'claimed' | 'raised' | 'refused' | 'dropped';

const firstPauseMs = 200;
const lastPauseMs = 2_000;
// Looking whether a claim is due asks nobody.
const duePauseMs = 500;

interface LateClaim {
  readonly stream: OriginStream;
  /** What the registry has, or had, of an earlier epoch of this node's; the heartbeat goes on to name it. */
  readonly title: OwnedStream | undefined;
  readonly yields: boolean;
  readonly beganMs: number;
  /** Questions in a row that the registry did not answer, or from whose answer nothing follows yet. */
  attempts: number;
  timer: Timer | undefined;
}

/** The provisional streams of an origin, and their claims. */
export class LateClaims {
  readonly #options: LateClaimsOptions;
  readonly #claims = new Map<StreamKey, LateClaim>();
  readonly #underWay = new Map<StreamKey, Promise<void>>();
  readonly #provisional: Gauge;
  readonly #outcomes: Counter;

  constructor(options: LateClaimsOptions) {
    this.#options = options;
    const { metrics } = options;
    this.#provisional = metrics.gauge({
      name: 'headwater_origin_provisional_streams',
      help: 'Streams that are served although the registry has not granted them yet.',
    });
    this.#outcomes = metrics.counter({
      name: 'headwater_origin_late_claims_total',
      help: 'Streams that began while the registry was away, by how that ended: claimed, raised (to another epoch), refused, dropped (over before).',
      labels: ['outcome'],
    });
  }

  get size(): number {
    return this.#claims.size;
  }

  /** True for a stream whose claim is not decided. */
  has(stream: OriginStream): boolean {
    return this.#claims.get(stream.key)?.stream === stream;
  }

  /** What the heartbeat says of a provisional stream; undefined where it says nothing. */
  title(stream: OriginStream): OwnedStream | undefined {
    const claim = this.#claims.get(stream.key);
    if (claim?.stream !== stream || claim.title === undefined) return undefined;
    return { ...claim.title, state: stream.claimableState };
  }

  /** Begins to claim a stream; one that has it under the key is over by now. */
  begin(stream: OriginStream, title: OwnedStream | undefined, yields: boolean): void {
    const beganMs = this.#options.clock.nowMs();
    const claim = { stream, title, yields, beganMs, attempts: 0, timer: undefined };
    this.#claims.set(stream.key, claim);
    this.#provisional.set(this.#claims.size);
    const { key, epoch } = stream;
    this.#options.logger.warn(
      { stream: key, epoch },
      'registry is away: stream is served, and claimed later',
    );
    this.#later(claim);
  }

  /** The stream is over, or another one takes its place. */
  drop(stream: OriginStream): void {
    const claim = this.#claims.get(stream.key);
    if (claim?.stream === stream) this.#end(claim, 'dropped');
  }

  /** Resolves when no late claim of the key is under way, be its stream over or not. */
  async settled(key: StreamKey): Promise<void> {
    await this.#underWay.get(key);
  }

  #end(claim: LateClaim, outcome: LateClaimOutcome): void {
    claim.timer?.cancel();
    this.#claims.delete(claim.stream.key);
    this.#provisional.set(this.#claims.size);
    this.#outcomes.add(1, { outcome });
    const { key, epoch } = claim.stream;
    const waitedMs = Math.round(this.#options.clock.nowMs() - claim.beganMs);
    this.#options.logger.info({ stream: key, epoch, outcome, waitedMs }, 'late claim is settled');
  }

  #later(claim: LateClaim, pauseMs = this.#pauseAfter(claim)): void {
    const spread = 0.75 + this.#options.random() / 2;
    claim.timer = this.#options.clock.after(pauseMs * spread, () => {
      void this.#try(claim);
    });
  }

  #pauseAfter({ attempts }: LateClaim): number {
    return Math.min(lastPauseMs, firstPauseMs * 2 ** attempts);
  }

  async #try(claim: LateClaim): Promise<void> {
    const { stream } = claim;
    if (!this.#isDue(stream)) {
      claim.attempts = 0;
      this.#later(claim, duePauseMs);
      return;
    }
    try {
      if (await this.#isRipe(stream)) await this.#claim(claim);
    } catch (caught) {
      const fields = { stream: stream.key, attempt: claim.attempts + 1, err: toAppError(caught) };
      this.#options.logger.debug(fields, 'late claim failed');
    }
    claim.attempts = Math.min(claim.attempts + 1, 10);
    if (this.has(stream)) this.#later(claim, this.#pauseUntilRipe(claim));
  }

  // Whoever restores what is his may do so at any time: asked rarely, and at the latest when nobody can come any more.
  #pauseUntilRipe(claim: LateClaim): number {
    const leftMs = this.#ripeMs - this.#options.clock.nowMs();
    const pauseMs = this.#pauseAfter(claim);
    return leftMs > 0 ? Math.min(pauseMs, Math.max(leftMs, firstPauseMs)) : pauseMs;
  }

  // A held stream has no publisher to claim for. A doubtful node does not know yet what it has lost.
  #isDue({ key, state }: OriginStream): boolean {
    return state === 'live' && !this.#options.standing().isDoubtful && !this.#options.isTaken(key);
  }

  /** Whether the registry can judge the claim: it knows an owner, or has had the time to hear of one. */
  async #isRipe({ key }: OriginStream): Promise<boolean> {
    const { clock, registry } = this.#options;
    const record = await within(clock, registryAnswerMs, registry.stream(key), registryIsLate);
    if (record?.state === 'live' || record?.state === 'interrupted') return true;
    return clock.nowMs() >= this.#ripeMs;
  }

  // A registry that lost its memory takes a lease to have it back.
  get #ripeMs(): number {
    const { joinedAtMs, leaseMs } = this.#options.standing();
    return joinedAtMs + leaseMs;
  }

  async #claim(claim: LateClaim): Promise<void> {
    const { key } = claim.stream;
    const isStillDue = this.has(claim.stream) && this.#isDue(claim.stream) && !this.#underWay.has(key);
    if (!isStillDue) return;
    const asked = this.#ask(claim);
    const over = asked.catch(() => undefined).finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, over);
    await asked;
  }

  async #ask(claim: LateClaim): Promise<void> {
    const { stream, yields } = claim;
    const options = this.#options;
    const asked = options.registry.claim(options.request(stream, yields));
    const result = await within(options.clock, registryAnswerMs, asked, registryIsLate);
    const isWanted = this.has(stream);
    if (result.outcome === 'claimed') {
      const { epoch } = result.record;
      if (isWanted) this.#end(claim, epoch === stream.epoch ? 'claimed' : 'raised');
      options.granted(stream, epoch);
    } else if (isWanted && !isSameRun(result.current.owner, options.node)) {
      // A record of this node's own that is in the way of one that yields goes with the next beats, as nobody names it.
      this.#end(claim, 'refused');
      options.refused(stream, result.current);
    }
  }
}
