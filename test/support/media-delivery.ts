// Compares what went into a stream with what a viewer got of it.
import { classifyFrame, type FlvTag } from '@headwater/media';
import { isHeader, isMedia } from './media-fixtures.ts';

/** What part of a stream a viewer should have. */
export interface DeliveryOptions {
  /**
   * `beginning`, unless told: nothing may be missing from the first keyframe on, or from the first frame where there is
   * no video. `keyframe`: it may have begun later, but at a keyframe, and nothing may be missing from there on.
   */
  readonly from?: 'beginning' | 'keyframe';
  /** True where the stream broke off: what was sent last may be missing. */
  readonly isCutShort?: boolean;
  /** How far the shifts of single frames may differ, for publishers that set times anew; 0 unless told. */
  readonly toleranceMs?: number;
}

/**
 * What is wrong with a viewer's copy of a stream, one sentence each; empty when every frame of audio and video arrived
 * once, in order, unaltered, with one constant shift of all times, and behind the headers it needs.
 */
export function complaintsAbout(
  sent: readonly FlvTag[],
  received: readonly FlvTag[],
  options: DeliveryOptions = {},
): string[] {
  const { from = 'beginning', isCutShort = false, toleranceMs = 0 } = options;
  const complaints = [...headerComplaints(sent, received), ...stepsBack(received)];
  const due = from === 'beginning' ? fromFirstKeyframe(sent) : fromSameKeyframe(sent, received);
  if (due.length === 0) complaints.push('nothing came');
  const shifts = new Set<number>();
  for (const kind of ['video', 'audio'] as const) {
    const followed = follow(kind, mediaOf(kind, due), mediaOf(kind, received));
    complaints.push(...followed.complaints);
    if (followed.isCutShort && !isCutShort) complaints.push(`the last ${kind} did not come`);
    for (const shiftMs of followed.shiftsMs) shifts.add(shiftMs);
  }
  if (Math.max(...shifts) - Math.min(...shifts) > toleranceMs) {
    complaints.push(`times are shifted by ${[...shifts].slice(0, 8).join(', ')} ms`);
  }
  return complaints;
}

// A picture cannot begin before its first keyframe, and sound from before it has nothing to go with.
function fromFirstKeyframe(sent: readonly FlvTag[]): readonly FlvTag[] {
  const first = sent.find((tag) => isMedia(tag) && isKeyframe(tag));
  return first === undefined ? sent : sent.filter((tag) => tag.timestampMs >= first.timestampMs);
}

function fromSameKeyframe(sent: readonly FlvTag[], received: readonly FlvTag[]): readonly FlvTag[] {
  const hasVideo = sent.some((tag) => isMedia(tag) && isKeyframe(tag));
  const first = received.find((tag) => isMedia(tag) && (!hasVideo || isKeyframe(tag)));
  const start = sent.findIndex((tag) => same(tag, first));
  return start < 0 ? [] : sent.slice(start);
}

function mediaOf(kind: FlvTag['kind'], tags: readonly FlvTag[]): readonly FlvTag[] {
  return tags.filter((tag) => tag.kind === kind && isMedia(tag));
}

function follow(
  kind: string,
  due: readonly FlvTag[],
  got: readonly FlvTag[],
): { complaints: string[]; shiftsMs: Set<number>; isCutShort: boolean } {
  const complaints: string[] = [];
  const shiftsMs = new Set<number>();
  let next = 0;
  for (const [index, tag] of got.entries()) {
    const at = due.findIndex((candidate, position) => position >= next && same(candidate, tag));
    if (at < 0) {
      const wasSent = due.some((candidate) => same(candidate, tag));
      complaints.push(`${kind} ${String(index)} ${wasSent ? 'came again' : 'was never sent'}`);
      continue;
    }
    if (at > next) {
      complaints.push(`${kind} ${String(next)} to ${String(at - 1)} of ${due.length} did not come`);
    }
    next = at + 1;
    shiftsMs.add(tag.timestampMs - (due[at]?.timestampMs ?? NaN));
  }
  return { complaints: complaints.slice(0, 10), shiftsMs, isCutShort: next < due.length };
}

function headerComplaints(sent: readonly FlvTag[], received: readonly FlvTag[]): string[] {
  const complaints: string[] = [];
  for (const header of sent.filter(isHeader)) {
    const at = received.findIndex((tag) => same(tag, header));
    const firstMedia = received.findIndex((tag) => tag.kind === header.kind && isMedia(tag));
    if (at < 0) complaints.push(`a header of ${header.kind} did not come`);
    else if (firstMedia >= 0 && at > firstMedia) complaints.push(`a header of ${header.kind} came late`);
  }
  for (const header of received.filter(isHeader)) {
    if (!sent.some((tag) => same(tag, header))) complaints.push(`a header of ${header.kind} was never sent`);
  }
  return complaints;
}

/** What a viewer received, cut before headers and metadata that follow media: where another session begins. */
export function sessionsIn(received: readonly FlvTag[]): FlvTag[][] {
  const sessions: FlvTag[][] = [];
  let current: FlvTag[] | undefined;
  for (const [index, tag] of received.entries()) {
    const before = received[index - 1];
    if (current === undefined || (!isMedia(tag) && before !== undefined && isMedia(before))) {
      current = [];
      sessions.push(current);
    }
    current.push(tag);
  }
  return sessions;
}

/** Where the times of a kind go back, one sentence each. */
export function stepsBack(received: readonly FlvTag[]): string[] {
  const complaints: string[] = [];
  for (const kind of ['video', 'audio', 'data'] as const) {
    const times = received.filter((tag) => tag.kind === kind).map((tag) => tag.timestampMs);
    for (const [index, time] of times.entries()) {
      const before = times[index - 1] ?? time;
      if (time < before) complaints.push(`${kind} goes back from ${String(before)} to ${String(time)} ms`);
    }
  }
  return complaints.slice(0, 10);
}

function same(one: FlvTag, other: FlvTag | undefined): boolean {
  return one.kind === other?.kind && one.payload.equals(other.payload);
}

function isKeyframe({ kind, payload }: FlvTag): boolean {
  return classifyFrame(kind, payload) === 'keyframe';
}
