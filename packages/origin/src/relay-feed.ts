// Answers Relay.Pull from the streams that an origin owns or follows: an edge that reconnects goes on after the last frame it has, while the
// ring still holds all that followed; else it starts at the newest keyframe.
import { AppError, toAppError, type Counter, type StreamKey } from '@headwater/contracts';
import type { BacklogLimits } from '@headwater/media';
import { relayFormat, type PullCall, type RelaySource, type ResumePoint } from '@headwater/relay';
import type { ExpectedStreams } from './expected-streams.ts';
import type { ServedStream } from './served-stream.ts';

// An edge serves many viewers: it may lie behind further than one of them before it jumps to a keyframe.
const edgeBacklog: BacklogLimits = {
  softBytes: 16 * 1024 * 1024,
  softMs: 5_000,
  hardBytes: 32 * 1024 * 1024,
  hardMs: 15_000,
};

/** The relay's view of an origin. */
export class RelayFeed implements RelaySource {
  readonly #find: (key: StreamKey) => ServedStream | undefined;
  readonly #dropped: Counter;
  readonly #expected: ExpectedStreams;
  readonly #pulls = new Map<ServedStream, Set<PullCall>>();

  /** `dropped` counts the frames that slow pullers missed, when their pull ends. */
  constructor(
    find: (key: StreamKey) => ServedStream | undefined,
    dropped: Counter,
    expected: ExpectedStreams,
  ) {
    this.#find = find;
    this.#dropped = dropped;
    this.#expected = expected;
  }

  /** How many edges follow that stream. */
  pullsOf(stream: ServedStream): number {
    return this.#pulls.get(stream)?.size ?? 0;
  }

  open(call: PullCall): void {
    const { stream, minEpoch = 0 } = call.request;
    const found = this.#find(stream);
    const isHere = found !== undefined && found.state !== 'ended' && found.epoch >= minEpoch;
    const answer = (): void => {
      this.#answer(call);
    };
    if (isHere || !this.#expected.wait(stream, answer)) answer();
  }

  /** Tells the edges that follow a stream how it stands. */
  stateChanged(stream: ServedStream): void {
    const { state } = stream;
    if (state === 'ended') return;
    for (const call of this.#pulls.get(stream) ?? []) call.state(state);
  }

  #answer(call: PullCall): void {
    if (call.isClosed) return;
    try {
      this.#attach(call);
    } catch (caught) {
      call.refuse(toAppError(caught));
    }
  }

  #attach(call: PullCall): void {
    const { stream: key, minEpoch = 0, resume } = call.request;
    const stream = this.#find(key);
    if (stream === undefined || stream.state === 'ended') {
      throw new AppError('stream_not_found', { details: { stream: key } });
    }
    const { epoch, state, live } = stream;
    if (minEpoch > epoch) {
      throw new AppError('epoch_stale', { details: { stream: key, epoch, wanted: minEpoch } });
    }
    const firstSequence = startOf(stream, resume);
    const from = firstSequence === undefined ? 'keyframe' : { afterSequence: firstSequence - 1 };
    call.opened({
      epoch,
      firstSequence: firstSequence ?? live.joinSequence ?? live.lastSequence + 1,
      resumed: firstSequence !== undefined && resume?.epoch === epoch,
      state,
    });
    const pulls = this.#pulls.get(stream) ?? new Set();
    this.#pulls.set(stream, pulls.add(call));
    call.onClosed(() => {
      this.#forget(stream, call);
    });
    const subscription = live.attach({
      format: relayFormat(epoch),
      sink: call.sink,
      backlog: edgeBacklog,
      latency: 'low',
      from,
      ended: (reason) => {
        call.ended(reason);
      },
    });
    call.onClosed(() => {
      subscription.detach();
      this.#dropped.add(subscription.droppedFrames);
    });
  }

  #forget(stream: ServedStream, call: PullCall): void {
    const pulls = this.#pulls.get(stream);
    pulls?.delete(call);
    if (pulls?.size === 0) this.#pulls.delete(stream);
  }
}

// Where a puller goes on, or comes over from an earlier epoch; undefined for the newest keyframe.
function startOf(stream: ServedStream, resume: ResumePoint | undefined): number | undefined {
  if (resume === undefined) return undefined;
  const { epoch, live, startsAtFirst = false } = stream;
  const goesOn = resume.epoch === epoch;
  if (!goesOn && !(startsAtFirst && resume.epoch < epoch)) return undefined;
  const sequence = goesOn ? resume.sequence : 0;
  return live.canResumeAfter(sequence - 1) ? sequence : undefined;
}
