// From the engine's packets to messages as an RTMP publisher sends them. The first moments are held back: until it is
// decided how the tracks relate in time, and until it shows whether pictures are reordered.
import type { FrameKind } from '@headwater/media';
import { AccessUnitCollector, type AccessUnit } from './access-unit.ts';
import { DecodeTimes } from './decode-times.ts';
import { RtpTimeline } from './rtp-timeline.ts';
import type { RtspPacket, RtspTrack, SenderReport } from './rtsp-track.ts';

/** Where the messages go. */
export interface RtspMediaOutput {
  /** One message; its bytes are alone in their buffer. */
  emit(kind: FrameKind, timestampMs: number, payload: Uint8Array<ArrayBuffer>): void;
  dropped(frames: number): void;
}

/** A frame of one track. */
interface Frame {
  readonly track: Track;
  readonly ticks: number;
  readonly unit?: AccessUnit;
  readonly body?: Buffer;
  readonly isHeader: boolean;
}

interface Track {
  readonly index: number;
  readonly kind: 'audio' | 'video';
  readonly codec: RtspTrack['codec'];
  readonly samplesPerUnit: number;
  readonly units: AccessUnitCollector | undefined;
  readonly decodeTimes: DecodeTimes;
  lastMs: number;
  hasHeader: boolean;
  hasKeyframe: boolean;
}

/** The first moments: as long, as many pictures, as many bytes. */
const hold = { ms: 1_000, pictures: 8, bytes: 4 * 1024 * 1024 };
const aacFrameSamples = 1_024;

/** The messages of one source. */
export class RtspMedia {
  readonly #output: RtspMediaOutput;
  readonly #timeline: RtpTimeline;
  readonly #tracks: readonly Track[];
  #held: Frame[] | undefined = [];
  #heldBytes = 0;
  #heldSinceMs: number | undefined;
  #startMs = 0;

  constructor(tracks: readonly RtspTrack[], output: RtspMediaOutput) {
    this.#output = output;
    this.#timeline = new RtpTimeline(tracks);
    this.#tracks = tracks.map(({ codec }, index) => ({
      index,
      codec,
      kind: codec === 'h264' || codec === 'h265' ? 'video' : 'audio',
      samplesPerUnit: codec === 'aac' ? aacFrameSamples : 0,
      units: codec === 'h264' || codec === 'h265' ? new AccessUnitCollector(codec) : undefined,
      decodeTimes: new DecodeTimes(),
      lastMs: 0,
      hasHeader: codec === 'pcma' || codec === 'pcmu',
      hasKeyframe: false,
    }));
    for (const [index, { config }] of tracks.entries()) {
      const track = this.#tracks[index];
      if (config === undefined || track === undefined) continue;
      // FLV specification E.4.2: AAC, 44 kHz, 16 bit, stereo, whatever the configuration says; then: a sequence header.
      this.#add({ track, ticks: NaN, isHeader: true, body: Buffer.concat([aacHeaderPrefix, config]) });
    }
  }

  /** A sender report of a track. */
  senderReport(index: number, report: SenderReport): void {
    this.#timeline.reported(index, report);
  }

  /** One packet of a track. Throws `RtpTimeJump` when its time cannot follow the one before. */
  packet(index: number, packet: RtspPacket, nowMs: number): void {
    const track = this.#tracks[index];
    if (track === undefined) return;
    const ticks = this.#timeline.arrived(index, packet.timestamp, nowMs);
    this.#heldSinceMs ??= nowMs;
    if (track.units === undefined) {
      for (const [place, body] of packet.parts.entries()) {
        this.#add({ track, ticks: ticks + place * track.samplesPerUnit, body, isHeader: false });
      }
    } else {
      this.#video(track, track.units, packet, ticks);
    }
    if (this.#held !== undefined) this.#release(nowMs);
  }

  #video(track: Track, units: AccessUnitCollector, packet: RtspPacket, ticks: number): void {
    const add = (unit: AccessUnit | undefined): void => {
      if (unit !== undefined) this.#add({ track, ticks: unit.timestamp, unit, isHeader: false });
    };
    if (!packet.isContiguous) units.damage();
    if (packet.header !== undefined) {
      add(units.complete());
      this.#add({ track, ticks, body: packet.header, isHeader: true });
    }
    for (const nalUnits of packet.parts) add(units.add(ticks, nalUnits));
    if (packet.isLast) add(units.complete());
    const damaged = units.takeDamaged();
    if (damaged > 0) this.#output.dropped(damaged);
  }

  #add(frame: Frame): void {
    if (this.#held === undefined) {
      this.#send(frame);
      return;
    }
    this.#held.push(frame);
    this.#heldBytes += frame.unit?.bytes ?? frame.body?.length ?? 0;
  }

  #release(nowMs: number): void {
    const held = this.#held ?? [];
    const isUrgent = nowMs - (this.#heldSinceMs ?? nowMs) >= hold.ms || this.#heldBytes > hold.bytes;
    const pictures = this.#tracks.map(({ kind }, index) =>
      kind === 'audio' ? Infinity : held.filter(({ track, unit }) => track.index === index && unit).length,
    );
    if (!isUrgent && pictures.some((count) => count < hold.pictures)) return;
    const timed = held.filter(({ ticks }) => !isNaN(ticks));
    if (timed.length === 0 || !this.#timeline.decide(isUrgent)) return;
    this.#held = undefined;
    this.#heldBytes = 0;
    const times = timed.map((frame) => this.#rawMs(frame));
    this.#startMs = times.reduce((least, time) => Math.min(least, time), Infinity);
    for (const track of this.#tracks) {
      const own = held.filter((frame) => frame.track === track && frame.unit !== undefined);
      track.decodeTimes.learn(own.map((frame) => this.#timeMs(frame)));
    }
    for (const frame of this.#inOrder(held)) this.#send(frame);
  }

  /** The beginning in the order of its times, pictures first, each track as it came: viewers begin at the keyframe. */
  #inOrder(held: readonly Frame[]): Frame[] {
    const latest = new Map<Track, number>();
    const placed = held.map((frame) => {
      const placeMs = Math.max(latest.get(frame.track) ?? 0, this.#timeMs(frame));
      latest.set(frame.track, placeMs);
      return { frame, placeMs, rank: frame.track.kind === 'video' ? 0 : 1 };
    });
    placed.sort((a, b) => a.placeMs - b.placeMs || a.rank - b.rank);
    return placed.map(({ frame }) => frame);
  }

  #rawMs({ track, ticks }: Frame): number {
    return this.#timeline.timeMs(track.index, ticks);
  }

  #timeMs(frame: Frame): number {
    return isNaN(frame.ticks) ? 0 : Math.round(this.#rawMs(frame) - this.#startMs);
  }

  #send(frame: Frame): void {
    const { track, unit, body, isHeader } = frame;
    if (isHeader && body !== undefined) {
      track.hasHeader = true;
      this.#emit(track, track.lastMs, [body]);
    } else if (unit !== undefined) {
      // What comes before the first keyframe is of use to nobody.
      track.hasKeyframe ||= unit.isKeyframe && track.hasHeader;
      if (!track.hasKeyframe) return;
      const { decodeMs, compositionMs } = track.decodeTimes.next(this.#timeMs(frame));
      this.#emit(track, decodeMs, [
        pictureHead(track.codec, unit.isKeyframe, compositionMs),
        ...unit.nalUnits,
      ]);
    } else if (body !== undefined) {
      this.#emit(track, this.#timeMs(frame), [body]);
    }
  }

  #emit(track: Track, timestampMs: number, parts: readonly Buffer[]): void {
    track.lastMs = Math.max(track.lastMs, timestampMs);
    const payload = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
    let offset = 0;
    for (const part of parts) {
      payload.set(part, offset);
      offset += part.length;
    }
    this.#output.emit(track.kind, track.lastMs, payload);
  }
}

const aacHeaderPrefix = Buffer.from([0xaf, 0]);

/** FLV specification E.4.3 and Enhanced RTMP: frame type and codec, that pictures follow, the composition time. */
function pictureHead(codec: RtspTrack['codec'], isKeyframe: boolean, compositionMs: number): Buffer {
  const frameType = (isKeyframe ? 1 : 2) << 4;
  const head =
    codec === 'h265'
      ? Buffer.from([0x81 | frameType, ...fourCcHevc, 0, 0, 0])
      : Buffer.from([frameType | 7, 1, 0, 0, 0]);
  head.writeIntBE(Math.max(-0x80_00_00, Math.min(compositionMs, 0x7f_ff_ff)), head.length - 3, 3);
  return head;
}

const fourCcHevc = Buffer.from('hvc1');
