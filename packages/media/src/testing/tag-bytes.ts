// Builders of enhanced tag bodies, the counterpart of the parsers in tag-header*.ts.

/** One track of a multitrack message. `fourCc` counts in the many-codecs form only. */
export interface TestTrack {
  readonly trackId: number;
  readonly fourCc?: string;
  readonly body: Buffer;
}

/** An enhanced tag body by its parts. */
export interface EnhancedTagOptions {
  /** 1 key, 2 inter, 5 command; video only. */
  readonly frameType?: number;
  /** The code of the packet type, e.g. 0 sequence start, 1 coded frames. */
  readonly packetType: number;
  readonly fourCc: string;
  /** The body of the single-track form, composition offset included. */
  readonly body?: Buffer;
  readonly multitrack?: { readonly code: 0 | 1 | 2; readonly tracks: readonly TestTrack[] };
  /** ModEx entries in front, as type and data. */
  readonly modEx?: readonly { readonly type: number; readonly data: Buffer }[];
}

/** An enhanced video tag body. */
export function enhancedVideo(options: EnhancedTagOptions): Buffer {
  return enhancedTag(options, 0x80 | ((options.frameType ?? 1) << 4), 6);
}

/** An enhanced audio tag body. */
export function enhancedAudio(options: EnhancedTagOptions): Buffer {
  return enhancedTag(options, 0x90, 5);
}

function enhancedTag(options: EnhancedTagOptions, high: number, multitrackType: number): Buffer {
  const { multitrack, packetType } = options;
  const modEx = options.modEx ?? [];
  const types = [...modEx.map(() => 7), multitrack === undefined ? packetType : multitrackType];
  const parts: Buffer[] = [Buffer.from([high | (types[0] ?? 0)])];
  modEx.forEach(({ type, data }, index) => {
    parts.push(modExSize(data.length), data, Buffer.from([(type << 4) | (types[index + 1] ?? 0)]));
  });
  if (multitrack === undefined) {
    return Buffer.concat([...parts, fourCcBytes(options.fourCc), options.body ?? Buffer.alloc(0)]);
  }
  parts.push(Buffer.from([(multitrack.code << 4) | packetType]));
  if (multitrack.code !== 2) parts.push(fourCcBytes(options.fourCc));
  for (const track of multitrack.tracks) {
    if (multitrack.code === 2) parts.push(fourCcBytes(track.fourCc ?? options.fourCc));
    parts.push(Buffer.from([track.trackId]));
    if (multitrack.code !== 0) parts.push(u24(track.body.length));
    parts.push(track.body);
  }
  return Buffer.concat(parts);
}

function modExSize(bytes: number): Buffer {
  if (bytes < 1) throw new RangeError('a ModEx entry has at least one byte');
  if (bytes <= 255) return Buffer.from([bytes - 1]);
  return Buffer.from([255, (bytes - 1) >> 8, (bytes - 1) & 0xff]);
}

function fourCcBytes(fourCc: string): Buffer {
  return Buffer.from(fourCc, 'latin1');
}

/** A 24-bit big-endian number; negative ones in two's complement. */
export function u24(value: number): Buffer {
  return Buffer.from([(value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff]);
}
