// Answers Relay.Pull from the origin's streams: an edge that reconnects goes on after the last frame it has, while the
// ring still holds all that followed; else it starts at the newest keyframe.
import { AppError, toAppError, type Counter, type StreamKey } from '@headwater/contracts';
import type { BacklogLimits } from '@headwater/media';
import { relayFormat, type PullCall, type RelaySource } from '@headwater/relay';
import type { OriginStream } from './origin-stream.ts';

// An edge serves many viewers: it may lie behind further than one of them before it jumps to a keyframe.
const edgeBacklog: BacklogLimits = {
  softBytes: 16 * 1024 * 1024,
  softMs: 5_000,
  hardBytes: 32 * 1024 * 1024,
  hardMs: 15_000,
};

/** The relay's view of an origin. */
export class RelayFeed implements RelaySource {
  readonly #find: (key: StreamKey) => OriginStream | undefined;
  readonly #dropped: Counter;
  readonly #pulls = new Map<OriginStream, Set<PullCall>>();

  /** `dropped` counts the frames that slow pullers missed, when their pull ends. */
  constructor(find: (key: StreamKey) => OriginStream | undefined, dropped: Counter) {
    this.#find = find;
    this.#dropped = dropped;
  }

  /** How many edges follow that stream. */
  pullsOf(stream: OriginStream): number {
    return this.#pulls.get(stream)?.size ?? 0;
  }

  open(call: PullCall): void {
    try {
      this.#attach(call);
    } catch (caught) {
      call.refuse(toAppError(caught));
    }
  }

  /** Tells the edges that follow a stream that its publisher is away. */
  interrupted(stream: OriginStream): void {
    for (const call of this.#pulls.get(stream) ?? []) call.state('interrupted');
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
    const resumed = resume?.epoch === epoch && live.canResumeAfter(resume.sequence - 1);
    const from = resumed ? { afterSequence: resume.sequence - 1 } : 'keyframe';
    const firstSequence = resumed ? resume.sequence : (live.joinSequence ?? live.lastSequence + 1);
    call.opened({ epoch, firstSequence, resumed, state });
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

  #forget(stream: OriginStream, call: PullCall): void {
    const pulls = this.#pulls.get(stream);
    pulls?.delete(call);
    if (pulls?.size === 0) this.#pulls.delete(stream);
  }
}
