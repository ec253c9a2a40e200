// Keeps one stream pulled: finds out who has it, pulls from there, goes on after the last frame when that breaks off,
// follows the stream to its next owner, and stands on a substitute while the owner cannot be reached. Never falls back
// to an older epoch.
import type { AppError, Clock, CloseReason, Logger, StreamKey } from '@headwater/contracts';
import type { NodeRef, StreamRecord, UpstreamLoss } from '@headwater/cluster';
import type { Frame } from '@headwater/media';
import type { OpenedInfo, Pull, PulledState, PullHandler, RelayClient } from '@headwater/relay';
import { isMedia, PullPosition } from './pull-position.ts';
import { RecentFailures } from './recent-failures.ts';
import { RetryPace } from './retry-pace.ts';
import { StallWatch } from './stall-watch.ts';
import { isAuthority, isSubstitute, type UpstreamKind, type UpstreamTarget } from './upstream-target.ts';
import {
  leaveState,
  pullOf,
  upstreamTransitions,
  type UpstreamPhase,
  type UpstreamState,
} from './upstream-state.ts';
import { WayBack } from './way-back.ts';

/** What an upstream tells the edge's stream. */
export interface UpstreamListener {
  /** Somebody delivers. A substitute's word that the publisher is there counts once media comes. */
  opened(info: OpenedInfo, target: UpstreamTarget): void;
  frames(epoch: number, frames: readonly Frame[]): void;
  state(state: PulledState): void;
  /** Nobody delivers the stream at the moment; another owner or connection is being looked for. */
  lost(): void;
  /** Nobody was found who delivers the stream; it is looked for again after a pause. */
  absent(): void;
  /** The owner says that the stream is over. Nothing follows. */
  ended(reason: CloseReason): void;
  /** The agent will not pull a stream of which nothing has come yet. Nothing follows where the listener closes it. */
  refused(error: AppError): void;
}

/** What an upstream is made of. */
export interface UpstreamOptions {
  readonly stream: StreamKey;
  readonly relay: Pick<RelayClient, 'pull'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly listener: UpstreamListener;
  /** Who has the stream, as far as anybody knows. Never rejects. */
  readonly find: (stream: StreamKey) => Promise<StreamRecord | undefined>;
  /** Whom to pull from, in order; `failed` did not deliver a moment ago. */
  readonly candidates: (record: StreamRecord, failed: ReadonlySet<string>) => readonly UpstreamTarget[];
  /** Told of owners that do not deliver: those who judge them look at once. */
  readonly reportLoss: (owner: NodeRef, loss: UpstreamLoss) => void;
  /** Counts pulls that opened. */
  readonly pullOpened: (kind: UpstreamKind, isSwitch: boolean) => void;
  /** Uniform in [0, 1): spreads the retries of many edges. */
  readonly random: () => number;
  /** A live stream that brings nothing for this long has an upstream that is frozen or cut off. */
  readonly stallMs?: number;
}

// Ways in which an owner ends a stream for good. After all others somebody else may have it, or will.
const finalReasons: ReadonlySet<CloseReason> = new Set<CloseReason>([
  'unpublished',
  'hold_expired',
  'kicked',
]);
// What an agent says to those of its pullers who were watching a stream of whose end the registry spoke.
const finalReasonsOfAgents: ReadonlySet<CloseReason> = new Set([...finalReasons, 'stream_ended' as const]);
const defaultStallMs = 2_000;
// A shield notices a stall first, and finds somebody else: its pullers are to hear from it.
const shieldStallFactor = 2;

const nobody: ReadonlySet<string> = new Set();

/** One stream's way to its owner. `close` is idempotent. */
export class Upstream {
  readonly #options: UpstreamOptions;
  readonly #stall: StallWatch;
  readonly #position = new PullPosition();
  readonly #pace: RetryPace;
  readonly #failures: RecentFailures;
  #state: UpstreamState = { phase: 'resolving' };
  /** The newest record that was followed. */
  #record: StreamRecord | undefined;
  /** The highest epoch that the registry spoke of or an upstream had: nothing below it is pulled. */
  #highestEpoch = 0;
  /** The epoch whose end the registry spoke of while it was pulled. */
  #endedEpoch = 0;
  /** Who delivered last. */
  #lastKind: UpstreamKind | undefined;
  /** Says of a substitute that it delivers, once it does. */
  #announce: (() => void) | undefined;

  constructor(options: UpstreamOptions) {
    this.#options = options;
    this.#pace = new RetryPace(options.random);
    this.#failures = new RecentFailures(options.clock);
    this.#stall = new StallWatch(options.clock, () => {
      this.#stalled();
    });
  }

  /** The highest epoch that was ever pulled, 0 before any. */
  get epoch(): number {
    return this.#position.epoch;
  }

  get phase(): UpstreamPhase {
    return this.#state.phase;
  }

  /** Who owns the stream, as far as this edge knows. */
  get owner(): NodeRef | undefined {
    return this.#record?.owner;
  }

  /** True while the stream comes from its owner or standby: what may be served to peers. */
  get isDirect(): boolean {
    if (this.#state.phase !== 'flowing') return false;
    const { kind } = this.#state.target;
    return kind === 'owner' || kind === 'standby';
  }

  start(): void {
    void this.#lookUp();
  }

  /** Others pull through this edge from now on: where it pulls through a shield itself, it pulls anew, and goes on after the last frame. */
  leaveShield(): void {
    const state = this.#state;
    const isAsking = state.phase === 'opening' || state.phase === 'flowing';
    if (isAsking && state.target.kind === 'shield' && this.#record !== undefined) this.#pursue(this.#record);
  }

  /** The registry says that the stream has a new owner or epoch. */
  claimed(record: StreamRecord): void {
    if (this.#state.phase === 'closed' || record.epoch < this.#highestEpoch) return;
    if (record.epoch === this.#highestEpoch && pullOf(this.#state) !== undefined) return;
    this.#pace.reset();
    this.#failures.clear();
    if (this.#isShielded) this.#awaitShield(record);
    else this.#pursue(record);
  }

  /**
   * The registry says that the stream is over. A pull hears it from the owner, in order with the frames; it counts when
   * the pull breaks off without.
   */
  endedElsewhere(record: StreamRecord): void {
    if (this.#state.phase === 'closed' || record.epoch < this.#highestEpoch || this.epoch === 0) return;
    if (pullOf(this.#state) === undefined) this.#options.listener.ended('stream_ended');
    else this.#endedEpoch = record.epoch;
  }

  close(): void {
    this.#enter({ phase: 'closed' });
  }

  #enter(next: UpstreamState): boolean {
    const before = this.#state;
    if (!upstreamTransitions[before.phase].includes(next.phase)) return false;
    this.#state = next;
    this.#stall.stop();
    this.#announce = undefined;
    leaveState(before, next);
    return true;
  }

  #resolve(): void {
    if (this.#enter({ phase: 'resolving' })) void this.#lookUp();
  }

  async #lookUp(): Promise<void> {
    const asked = this.#state;
    const found = await this.#options.find(this.#options.stream);
    if (this.#state !== asked) return;
    const record = found && this.#newest(found);
    if (this.#ownerOf(record) === undefined || record === undefined) this.#backOff();
    else this.#pursue(record);
  }

  // An orphan's owner may be cut off from the registry only: while it lives it delivers, and nobody else does. A record of
  // an older epoch is followed, too: the registry may have missed the newer one, and an owner without it refuses.
  #ownerOf(record: StreamRecord | undefined): UpstreamTarget | undefined {
    if (record === undefined || record.state === 'ended' || record.relayAddress === '') return undefined;
    return { kind: 'owner', node: record.owner, address: record.relayAddress };
  }

  get #isShielded(): boolean {
    return this.#state.phase === 'flowing' && this.#state.target.kind === 'shield';
  }

  // The shield has heard of the new epoch as well, and says so when it has it: asked at once, it would not yet.
  #awaitShield(record: StreamRecord): void {
    this.#record = record;
    this.#highestEpoch = Math.max(this.#highestEpoch, record.epoch);
    this.#watchWhile('live');
  }

  #pursue(record: StreamRecord): void {
    this.#record = record;
    this.#highestEpoch = Math.max(this.#highestEpoch, record.epoch);
    this.#tryNext(this.#options.candidates(record, this.#failures.nodeIds));
  }

  // Events overtake answers: what is known stands against an older word.
  #newest(record: StreamRecord): StreamRecord {
    const known = this.#record;
    return known !== undefined && known.epoch > record.epoch ? known : record;
  }

  #tryNext([target, ...rest]: readonly UpstreamTarget[]): void {
    if (target === undefined) {
      this.#backOff();
      return;
    }
    const state: UpstreamState = { phase: 'opening', target, rest, pull: undefined };
    if (this.#enter(state)) state.pull = this.#pull(target, this.#handlerFor(target));
  }

  #backOff(): void {
    if (!upstreamTransitions[this.#state.phase].includes('backing-off')) return;
    const timer = this.#options.clock.after(this.#pace.next(), () => {
      this.#resolve();
    });
    this.#enter({ phase: 'backing-off', timer });
    this.#options.listener.absent();
  }

  #pull(target: UpstreamTarget, handler: PullHandler): Pull {
    const { stream, relay } = this.#options;
    const { resume } = this.#position;
    return relay.pull(
      target.address,
      {
        stream,
        minEpoch: this.#highestEpoch,
        ...(resume === undefined ? {} : { resume }),
        ...(target.kind === 'owner' || target.kind === 'standby' ? {} : { reach: target.kind }),
      },
      handler,
    );
  }

  #handlerFor(target: UpstreamTarget): PullHandler {
    return {
      opened: (info) => {
        this.#opened(info, target);
      },
      frames: (frames) => {
        this.#received(frames, target);
      },
      state: (state) => {
        this.#watchWhile(state);
        if (state === 'interrupted') this.#announceNow();
        if (this.#announce === undefined) this.#options.listener.state(state);
      },
      ended: (reason) => {
        this.#endedBy(reason, target);
      },
      failed: (error) => {
        this.#failed(error, target);
      },
    };
  }

  #opened(info: OpenedInfo, target: UpstreamTarget): void {
    const { listener, pullOpened } = this.#options;
    this.#position.open(info);
    this.#highestEpoch = Math.max(this.#highestEpoch, info.epoch);
    const pull = pullOf(this.#state);
    const wayBack = this.#isFirstChoice(target) ? undefined : this.#wayBack();
    this.#enter({ phase: 'flowing', target, pull, wayBack });
    pullOpened(target.kind, this.#lastKind !== undefined && this.#lastKind !== target.kind);
    this.#lastKind = target.kind;
    this.#watchWhile(info.state);
    this.#announce = () => {
      listener.opened(info, target);
    };
    if (isAuthority(target.kind) || info.state === 'interrupted') this.#announceNow();
  }

  #announceNow(): void {
    const announce = this.#announce;
    this.#announce = undefined;
    announce?.();
  }

  #received(frames: readonly Frame[], { node }: UpstreamTarget): void {
    this.#stall.seen();
    const fresh = this.#position.take(frames);
    if (fresh.length === 0) return;
    if (fresh.some(isMedia)) {
      this.#pace.reset();
      this.#failures.forget(node.nodeId);
      this.#announceNow();
    }
    this.#options.listener.frames(this.epoch, fresh);
  }

  #watchWhile(state: PulledState): void {
    const { stallMs = defaultStallMs } = this.#options;
    if (state === 'live') this.#stall.start(this.#isShielded ? shieldStallFactor * stallMs : stallMs);
    else this.#stall.stop();
  }

  // Of an end only the owner knows, and an agent or a shield, who heard it from the owner. A substitute may have lost the stream, and
  // the registry tells of its end as well.
  #endedBy(reason: CloseReason, { kind, node }: UpstreamTarget): void {
    const final = kind === 'agent' ? finalReasonsOfAgents : finalReasons;
    if (!isSubstitute(kind) && final.has(reason)) {
      this.#options.listener.ended(reason);
      return;
    }
    if (!isAuthority(kind) && reason !== 'replaced') this.#failures.add(node.nodeId);
    if (!this.#isStillWanted()) return;
    if (reason === 'replaced') this.#resolve();
    else this.#backOff();
  }

  #failed(error: AppError, target: UpstreamTarget): void {
    // The first failure in a row says it; the stream's phase shows that it goes on.
    const isNews = this.#pace.attempts === 0 && !isSubstitute(target.kind);
    const fields = { err: error, attempt: this.#pace.attempts, kind: target.kind, node: target.node.nodeId };
    this.#options.logger[isNews ? error.entry.level : 'debug'](fields, 'pull failed');
    const state = this.#state;
    const isOpening = state.phase === 'opening';
    // An owner that has answered, whatever it said, lives, and knows.
    const isUnreachable = error.code === 'upstream_unavailable';
    if (target.kind === 'owner' && isUnreachable) this.#options.reportLoss(target.node, 'broken');
    // A connection that broke may be there again at once; one that cannot be made is another matter.
    const standsIn = !isAuthority(target.kind);
    if (standsIn || (isOpening && isUnreachable)) this.#failures.add(target.node.nodeId);
    if (target.kind === 'agent' && this.epoch === 0 && !isUnreachable) this.#options.listener.refused(error);
    if (!this.#isStillWanted()) return;
    if (isOpening && (isUnreachable || standsIn)) this.#tryNext(state.rest);
    else this.#backOff();
  }

  // Asked anew at once: by now somebody else may have the stream, and if not, asking costs little. No pause is needed,
  // since each stall takes its time; a pause would be a gap when the publisher was silent only.
  #stalled(): void {
    const state = this.#state;
    if (state.phase !== 'flowing') return;
    const { kind, node } = state.target;
    const level = this.#pace.attempts === 0 && !isSubstitute(kind) ? 'warn' : 'debug';
    this.#options.logger[level]({ epoch: this.epoch, kind, node: node.nodeId }, 'pull stalled');
    this.#failures.add(node.nodeId);
    if (kind === 'owner') this.#options.reportLoss(node, 'stalled');
    if (this.#isStillWanted()) this.#resolve();
  }

  /** Tells the listener what a pull that broke off means. False when the stream is over. */
  #isStillWanted(): boolean {
    const { listener } = this.#options;
    const isOver = this.#endedEpoch > 0 && this.#endedEpoch >= this.#highestEpoch;
    if (isOver) listener.ended('stream_ended');
    else listener.lost();
    return !isOver;
  }

  #isFirstChoice({ kind, node }: UpstreamTarget): boolean {
    if (kind === 'agent' || this.#record === undefined) return true;
    return this.#options.candidates(this.#record, nobody)[0]?.node.nodeId === node.nodeId;
  }

  #wayBack(): WayBack {
    const { stream, clock, random, find, candidates } = this.#options;
    return new WayBack({
      stream,
      clock,
      random,
      find,
      firstChoice: (found) => {
        const record = found && this.#newest(found);
        if (record === undefined || this.#ownerOf(record) === undefined) return undefined;
        this.#record = record;
        return candidates(record, nobody)[0];
      },
      pull: (target, handler) => this.#pull(target, handler),
      isWelcome: (info) => this.#position.isJoinedBy(info),
      takeOver: (target, pull) => {
        this.#enter({ phase: 'flowing', target, pull, wayBack: undefined });
        this.#failures.forget(target.node.nodeId);
        return this.#handlerFor(target);
      },
    });
  }
}
