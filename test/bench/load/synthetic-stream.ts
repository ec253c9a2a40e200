// The measured streams: 1280×720 H.264 at 25 frames a second with a keyframe every 2 s, and 44.1 kHz AAC at 128 kbit/s.
// Parameter sets and audio configuration are valid; the pictures are filler of the right size.
import { encodeAmf0 } from '../wire/amf0-command.ts';
import { AUDIO, VIDEO } from '../wire/media-listener.ts';
import { stampFrame, writeStampNal } from './stamp.ts';

const DATA = 18;
/** Video frames in a second. */
export const FRAMES_PER_SECOND = 25;
const AUDIO_SAMPLE_RATE = 44_100;
const AUDIO_SAMPLES_PER_FRAME = 1024;

/** Lengths of the video messages of a stream. */
export interface StreamShape {
  readonly keyframeBytes: number;
  readonly interFrameBytes: number;
}

/** Streams by their rate, audio included: 0.5, 1.08 and 6.0 Mbit/s. */
export const streamShapes = {
  '500k': { keyframeBytes: 12_000, interFrameBytes: 1_650 },
  '1m': { keyframeBytes: 30_000, interFrameBytes: 4_245 },
  '6m': { keyframeBytes: 160_000, interFrameBytes: 26_700 },
} as const satisfies Readonly<Record<string, StreamShape>>;

/** Name of a stream that can be measured. */
export type StreamRate = keyof typeof streamShapes;

/** Frames from one keyframe to the next. */
export const GOP_FRAMES = 50;
/** Length of every audio message, sequence header apart. */
export const AUDIO_BYTES = 373;

const VIDEO_HEADER = Buffer.from(
  '1700000000014d401fffe10019674d401fd9005005bb011000000300100000030320f183248001000568ebc3cb20',
  'hex',
);
const AUDIO_HEADER = Buffer.from('af00121056e500', 'hex');

/** One message of the stream. */
export interface SyntheticMessage {
  readonly type: number;
  readonly timestampMs: number;
  readonly payload: Buffer;
}

/** Length of the video message with this frame number. */
export function videoBytes(rate: StreamRate, frameIndex: number): number {
  const { keyframeBytes, interFrameBytes } = streamShapes[rate];
  return frameIndex % GOP_FRAMES === 0 ? keyframeBytes : interFrameBytes;
}

/** Metadata and sequence headers, which open the stream. */
export function openingMessages(): SyntheticMessage[] {
  const metadata = encodeAmf0('@setDataFrame', 'onMetaData', {
    width: 1280,
    height: 720,
    framerate: FRAMES_PER_SECOND,
    videocodecid: 7,
    videodatarate: 950,
    audiocodecid: 10,
    audiosamplerate: AUDIO_SAMPLE_RATE,
    audiosamplesize: 16,
    audiodatarate: 128,
    stereo: true,
  });
  return [
    { type: DATA, timestampMs: 0, payload: metadata },
    { type: VIDEO, timestampMs: 0, payload: VIDEO_HEADER },
    { type: AUDIO, timestampMs: 0, payload: AUDIO_HEADER },
  ];
}

/** The endless rest of the stream, in the order of time. Payloads are reused: send one before taking the next. */
export class SyntheticStream {
  readonly #keyframe: Buffer;
  readonly #interFrame: Buffer;
  readonly #audio: Buffer = Buffer.concat([Buffer.from([0xaf, 1]), Buffer.alloc(AUDIO_BYTES - 2, 0x5a)]);
  #frameIndex = 0;
  #audioIndex = 0;

  constructor(rate: StreamRate) {
    const { keyframeBytes, interFrameBytes } = streamShapes[rate];
    this.#keyframe = videoPayload(0x17, 5, keyframeBytes);
    this.#interFrame = videoPayload(0x27, 1, interFrameBytes);
  }

  /** When the next message is due, in ms after the stream's start. */
  get dueMs(): number {
    return Math.min(this.#videoDueMs(), this.#audioDueMs());
  }

  /** The next message; a video message is stamped with its number and `nowUs`. */
  next(nowUs: number): SyntheticMessage {
    const videoDueMs = this.#videoDueMs();
    const audioDueMs = this.#audioDueMs();
    if (audioDueMs < videoDueMs) {
      this.#audioIndex += 1;
      return { type: AUDIO, timestampMs: Math.round(audioDueMs), payload: this.#audio };
    }
    const payload = this.#frameIndex % GOP_FRAMES === 0 ? this.#keyframe : this.#interFrame;
    stampFrame(payload, nowUs, this.#frameIndex);
    this.#frameIndex += 1;
    return { type: VIDEO, timestampMs: Math.round(videoDueMs), payload };
  }

  #videoDueMs(): number {
    return (this.#frameIndex * 1000) / FRAMES_PER_SECOND;
  }

  #audioDueMs(): number {
    return (this.#audioIndex * AUDIO_SAMPLES_PER_FRAME * 1000) / AUDIO_SAMPLE_RATE;
  }
}

/** An AVC tag body: the stamp's SEI, then one slice of filler in which no start code can appear. */
function videoPayload(tagHeader: number, nalType: number, lengthBytes: number): Buffer {
  const payload = Buffer.alloc(lengthBytes, 0xa5);
  payload.set([tagHeader, 1, 0, 0, 0]);
  const sliceAt = writeStampNal(payload, 5);
  payload.writeUInt32BE(lengthBytes - sliceAt - 4, sliceAt);
  payload.writeUInt8(0x60 | nalType, sliceAt + 4);
  return payload;
}
