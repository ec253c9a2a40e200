// What a late viewer must have before its first frame: the last metadata and the configuration of every track. Kept by
// kind, track and packet type, so that a configuration sent again replaces the one before (Enhanced RTMP v2 allows one
// per track); a message that configures many tracks is kept once and goes when all of them were configured anew.
import type { Frame } from './frame.ts';
import { unknownCodec } from './codec-names.ts';
import type { TrackPresence } from './stream-format.ts';
import { type TagPacketType, parseAudioTag, parseVideoTag } from './tag-header.ts';

const maxMetadataBytes = 1024 * 1024;
// Real configurations are well under 1 KiB; only a multitrack message or an ICC-like colour record is more.
const maxHeaderBytes = 64 * 1024;
const maxSlots = 64;

interface Slot {
  readonly kind: 'audio' | 'video';
  readonly trackId: number;
  readonly packetType: TagPacketType;
  readonly codec: string;
  readonly frame: Frame;
  /** Sequence starts go first: what refines a configuration follows it. */
  readonly isStart: boolean;
}

/** Collects the headers of one session. Bounded in count and bytes whatever is sent. */
export class CodecState {
  #metadata: Frame | undefined;
  // In order of arrival: a slot that is set again moves to the end.
  readonly #slots = new Map<string, Slot>();
  #tracks: TrackPresence = { hasAudio: false, hasVideo: false };
  #videoCodec: string | undefined;
  #audioCodec: string | undefined;
  // The codec fields of the last head looked at, so that unchanged ones cost no parsing.
  #videoMark = -1;
  #audioMark = -1;

  /** Which kinds of media were seen. A fresh object after each change. */
  get tracks(): TrackPresence {
    return this.#tracks;
  }

  /** Codecs of the default tracks, video first, e.g. `['avc1', 'mp4a']`. */
  get codecs(): readonly string[] {
    return [this.#videoCodec, this.#audioCodec].filter((codec) => codec !== undefined);
  }

  /**
   * Looks at every frame of the session in order. True when a default track got another configuration than before: media
   * cached so far does not go with the new headers.
   */
  accept(frame: Frame): boolean {
    if (frame.kind === 'data') {
      if (frame.role === 'metadata') {
        this.#metadata = frame.payload.length <= maxMetadataBytes ? frame : undefined;
      }
      return false;
    }
    const first = frame.payload[0];
    if (first === undefined) return false;
    if (frame.kind === 'video') this.#noteVideo(first, frame.payload);
    else this.#noteAudio(first, frame.payload);
    return frame.role === 'header' && this.#configure(frame.kind, frame);
  }

  /** True when the codec of the kind's default track can be decoded with the headers seen so far. */
  hasSequenceStart(kind: 'audio' | 'video'): boolean {
    return (
      this.#slots.has(slotKey(kind, 0, 'sequence-start')) ||
      this.#slots.has(slotKey(kind, 0, 'mpeg2ts-sequence-start'))
    );
  }

  /** Codec of the kind's default track, as far as it is known. */
  codecOf(kind: 'audio' | 'video'): string | undefined {
    return kind === 'audio' ? this.#audioCodec : this.#videoCodec;
  }

  /**
   * Metadata, then video headers, then audio headers, all with the given time, but metadata with 0: it speaks of the
   * whole stream, and at any other time FFmpeg takes it for a subtitle track.
   */
  headers(atTimestampMs: number): Frame[] {
    const slots = [...this.#slots.values()];
    const frames = new Set<Frame>();
    for (const kind of ['video', 'audio'] as const) {
      for (const isStart of [true, false]) {
        for (const slot of slots) if (slot.kind === kind && slot.isStart === isStart) frames.add(slot.frame);
      }
    }
    const headers = Array.from(frames, (frame) => ({ ...frame, timestampMs: atTimestampMs }));
    return this.#metadata === undefined ? headers : [{ ...this.#metadata, timestampMs: 0 }, ...headers];
  }

  /** Forgets everything: a new session begins. */
  clear(): void {
    this.#metadata = undefined;
    this.#slots.clear();
    this.#tracks = { hasAudio: false, hasVideo: false };
    this.#videoCodec = undefined;
    this.#audioCodec = undefined;
    this.#videoMark = -1;
    this.#audioMark = -1;
  }

  #noteVideo(first: number, payload: Buffer): void {
    const mark = first >= 0x80 ? 0x80 : first & 0x0f;
    if (mark === this.#videoMark) return;
    const tag = parseVideoTag(payload);
    if (tag.packetType === 'unknown' || tag.packetType === 'command') return;
    if (!this.#tracks.hasVideo) this.#tracks = { ...this.#tracks, hasVideo: true };
    const codec = defaultCodec(tag);
    if (codec === undefined) return;
    this.#videoMark = mark;
    this.#videoCodec = codec;
    this.#forgetOtherCodecs('video', 0, codec);
  }

  #noteAudio(first: number, payload: Buffer): void {
    const mark = first >> 4;
    if (mark === this.#audioMark) return;
    const tag = parseAudioTag(payload);
    if (tag.packetType === 'unknown') return;
    if (!this.#tracks.hasAudio) this.#tracks = { ...this.#tracks, hasAudio: true };
    const codec = defaultCodec(tag);
    if (codec === undefined) return;
    this.#audioMark = mark;
    this.#audioCodec = codec;
    this.#forgetOtherCodecs('audio', 0, codec);
  }

  #configure(kind: 'audio' | 'video', frame: Frame): boolean {
    const tag = kind === 'video' ? parseVideoTag(frame.payload) : parseAudioTag(frame.payload);
    const isStart = tag.packetType === 'sequence-start' || tag.packetType === 'mpeg2ts-sequence-start';
    let isChanged = false;
    for (const { trackId, codec, start, end } of tag.tracks) {
      if (start === end) continue;
      const slot: Slot = { kind, trackId, packetType: tag.packetType, codec, frame, isStart };
      if (this.#store(slot) && trackId === 0) isChanged = true;
      if (trackId !== 0 || !isStart || codec === unknownCodec) continue;
      if (kind === 'video') this.#videoCodec = codec;
      else this.#audioCodec = codec;
    }
    return isChanged;
  }

  // True when the slot replaces a sequence start that was different.
  #store(slot: Slot): boolean {
    const key = slotKey(slot.kind, slot.trackId, slot.packetType);
    const before = this.#slots.get(key);
    let isChanged = slot.isStart && before !== undefined && !before.frame.payload.equals(slot.frame.payload);
    this.#slots.delete(key);
    if (slot.isStart && this.#forgetOtherCodecs(slot.kind, slot.trackId, slot.codec)) isChanged = true;
    if (slot.frame.payload.length > maxHeaderBytes) return isChanged;
    this.#slots.set(key, slot);
    if (this.#slots.size > maxSlots) this.#evict();
    return isChanged;
  }

  // A codec without sequence start, e.g. MP3 after AAC, must not leave the headers of the one before.
  #forgetOtherCodecs(kind: string, trackId: number, codec: string): boolean {
    let isAny = false;
    for (const [key, slot] of this.#slots) {
      if (slot.kind !== kind || slot.trackId !== trackId || slot.codec === codec) continue;
      isAny = this.#slots.delete(key);
    }
    return isAny;
  }

  // Default tracks have a handful of slots, so that the oldest of another track exists whenever there are too many.
  #evict(): void {
    for (const [key, slot] of this.#slots) {
      if (slot.trackId === 0) continue;
      this.#slots.delete(key);
      return;
    }
  }
}

function slotKey(kind: string, trackId: number, packetType: TagPacketType): string {
  return `${kind} ${trackId.toString()} ${packetType}`;
}

function defaultCodec(tag: ReturnType<typeof parseAudioTag>): string | undefined {
  const codec = tag.tracks.find((track) => track.trackId === 0)?.codec;
  return codec === unknownCodec ? undefined : codec;
}
