// A viewer that knows every frame there is, and so everything that is wrong with what it gets.
import type { FlvTag } from '@headwater/media';
import { judge, type JudgedFrame } from './chaos-frames.ts';
import { defer } from './cleanup.ts';
import { framePeriodMs, isKeyframe } from './good-stream-frames.ts';
import type { RunningHeadwater } from './headwater.ts';
import { type MediaViewer, type Output, outputs, watch } from './media-viewers.ts';
import { waitUntil } from './wait-until.ts';

const lookEachMs = 10;

/** Frames of sound and picture in a second. */
export const framesPerSecond: number = (2 * 1_000) / framePeriodMs;

type Kind = 'audio' | 'video';

/** A viewer and what it saw. It leaves with the test at the latest. */
export class Witness {
  readonly viewer: MediaViewer;
  /** Frames that were left out, of sessions it saw the beginning of and before the newest frame. */
  missing = 0;
  /** Sessions seen, in order of appearance. */
  readonly sessions: number[] = [];
  readonly #seenAtMs = new Map<number, number>();
  readonly #faults = new Map<string, number>();
  readonly #lastTimestampMs: Record<Kind, number> = { audio: -1, video: -1 };
  readonly #lastIndex: Record<Kind, number> = { audio: -1, video: -1 };
  readonly #headers = new Set<Kind>();
  #session = -1;
  #shiftMs: number | undefined;
  #read = 0;
  #frames = 0;
  #maxGapMs = 0;
  #lastVideoAtMs = performance.now();

  constructor(viewer: MediaViewer) {
    this.viewer = viewer;
    const ticker = setInterval(() => this.#readOn(), lookEachMs);
    defer(() => clearInterval(ticker));
  }

  static watch(node: RunningHeadwater, output: Output, stream: string): Witness {
    return new Witness(watch(node, output, stream));
  }

  /** One witness for each output. */
  static watchAll(node: RunningHeadwater, stream: string): Witness[] {
    return outputs.map((output) => Witness.watch(node, output, stream));
  }

  /** How its stream ended for it; undefined while it goes on. */
  get end(): string | undefined {
    return this.viewer.end;
  }

  /** Good frames of audio and video. */
  get frames(): number {
    this.#readOn();
    return this.#frames;
  }

  /** How long ago its newest video frame came. */
  get sinceVideoMs(): number {
    this.#readOn();
    return performance.now() - this.#lastVideoAtMs;
  }

  /** The longest time without a video frame since the last mark, the running one included. */
  get maxGapMs(): number {
    return Math.max(this.#maxGapMs, this.sinceVideoMs);
  }

  /** When it saw the first frame of a session; NaN before. */
  seenAtMs(session: number): number {
    this.#readOn();
    return this.#seenAtMs.get(session) ?? Number.NaN;
  }

  /** What must never happen and did, one sentence each. Lost frames and an end are told of by `missing` and `end`. */
  get complaints(): string[] {
    this.#readOn();
    return [...this.#faults].map(([fault, count]) => `${this.viewer.output}: ${fault} (${String(count)})`);
  }

  /** Begins to measure gaps anew. */
  mark(): void {
    this.#readOn();
    this.#maxGapMs = 0;
    this.#lastVideoAtMs = performance.now();
  }

  /** Resolves when it gets frames of that session or a later one. */
  async untilSession(session: number, timeoutMs = 20_000): Promise<void> {
    const reason = `the ${this.viewer.output} viewer sees session ${String(session)}`;
    await waitUntil(reason, () => this.#seesSession(session), { timeoutMs });
  }

  /** Resolves when it has got so many more frames. */
  async untilFrames(more: number): Promise<void> {
    const wanted = this.frames + more;
    const reason = `the ${this.viewer.output} viewer gets ${String(more)} more frames`;
    const timeoutMs = 15_000 + (more / framesPerSecond) * 1_000;
    await waitUntil(reason, () => this.#isWatching() && this.frames >= wanted, { timeoutMs });
  }

  #seesSession(session: number): boolean {
    this.#readOn();
    return this.#isWatching() && this.#session >= session;
  }

  #isWatching(): boolean {
    if (this.end === undefined) return true;
    throw new Error(`the ${this.viewer.output} viewer's stream ended: ${this.end}`);
  }

  #readOn(): void {
    const { frames } = this.viewer;
    for (; this.#read < frames.length; this.#read++) {
      const tag = frames[this.#read];
      if (tag !== undefined && tag.kind !== 'data') this.#take(tag.kind, tag);
    }
  }

  #take(kind: Kind, { timestampMs, payload }: FlvTag): void {
    if (timestampMs < this.#lastTimestampMs[kind]) this.#fault(`${kind} time goes back`);
    this.#lastTimestampMs[kind] = timestampMs;
    const verdict = judge(kind, payload);
    if (verdict === 'header') this.#headers.add(kind);
    else if (verdict === 'altered') this.#fault(`${kind} was never sent`);
    else if (verdict.session < this.#session) this.#fault('a frame of an older session');
    else this.#takeFrame(kind, verdict, timestampMs);
  }

  #takeFrame(kind: Kind, { session, index }: JudgedFrame, timestampMs: number): void {
    if (session > this.#session) this.#beginSession(kind, session, index);
    this.#headers.clear();
    this.#frames++;
    const last = this.#lastIndex[kind];
    if (index <= last) this.#fault(`${kind} again, or out of order`);
    else if (last >= 0 && index > last + 1) this.#skipped(kind, last, index);
    this.#lastIndex[kind] = Math.max(last, index);
    const shiftMs = timestampMs - index * framePeriodMs;
    this.#shiftMs ??= shiftMs;
    if (shiftMs !== this.#shiftMs) this.#fault('sound and picture shifted apart');
    if (kind === 'video') this.#closeGap();
  }

  #beginSession(kind: Kind, session: number, index: number): void {
    this.#session = session;
    this.sessions.push(session);
    this.#seenAtMs.set(session, performance.now());
    this.#shiftMs = undefined;
    this.#lastIndex.audio = this.#lastIndex.video = -1;
    if (kind !== 'video' || !isKeyframe(index)) this.#fault('a session that does not begin with a keyframe');
    if (this.#headers.size < 2) this.#fault('a session without its headers');
  }

  #skipped(kind: Kind, last: number, index: number): void {
    this.missing += index - last - 1;
    if (kind === 'video' && !isKeyframe(index)) this.#fault('video goes on without a keyframe after a loss');
  }

  #fault(what: string): void {
    this.#faults.set(what, (this.#faults.get(what) ?? 0) + 1);
  }

  #closeGap(): void {
    const nowMs = performance.now();
    this.#maxGapMs = Math.max(this.#maxGapMs, nowMs - this.#lastVideoAtMs);
    this.#lastVideoAtMs = nowMs;
  }
}

/** Watches over every output on each of the nodes; resolves when all of it plays. Gaps count from there. */
export async function watchOn(
  nodes: readonly { readonly node: RunningHeadwater }[],
  stream: string,
): Promise<Witness[]> {
  const witnesses = nodes.flatMap(({ node }) => Witness.watchAll(node, stream));
  await seeMore(witnesses);
  for (const witness of witnesses) witness.mark();
  return witnesses;
}

/** Resolves when each has got so many more frames, a second's unless told. */
export async function seeMore(
  witnesses: readonly Witness[],
  frames: number = framesPerSecond,
): Promise<void> {
  await Promise.all(witnesses.map(async (witness) => witness.untilFrames(frames)));
}

/** Resolves when each has got to that session, and a second on from there. */
export async function seeSession(witnesses: readonly Witness[], session: number): Promise<void> {
  await Promise.all(witnesses.map(async (witness) => witness.untilSession(session)));
  await seeMore(witnesses);
}

/** The longest time that any of them was without picture since `mark`. */
export function longestGapMs(witnesses: readonly Witness[]): number {
  return Math.max(...witnesses.map(({ maxGapMs }) => maxGapMs));
}

/**
 * What is wrong with what they saw, one sentence each; empty when each is connected, and saw these sessions in order, each
 * from a keyframe on, behind its headers, on a rising timeline, without a hole, a repetition or a frame of another one.
 */
export function faultsOf(witnesses: readonly Witness[], sessions: readonly number[] = [0]): string[] {
  return witnesses.flatMap((witness) => {
    const faults = [...witness.complaints];
    const { output } = witness.viewer;
    if (witness.end !== undefined) faults.push(`${output}: disconnected: ${witness.end}`);
    if (witness.missing > 0) faults.push(`${output}: ${String(witness.missing)} frames are missing`);
    const seen = witness.sessions.join();
    if (seen !== sessions.join()) faults.push(`${output}: saw the sessions ${seen}`);
    return faults;
  });
}
