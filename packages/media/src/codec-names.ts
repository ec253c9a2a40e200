// Codecs by the names that the rest of the program and its API use: sample entry names as Enhanced RTMP writes them
// (FourCC), also for legacy codec ids that mean the same; plain words for what has no FourCC there.

/** The name of everything that is not known. */
export const unknownCodec = 'unknown';

const videoFourCcs = ['avc1', 'hvc1', 'vvc1', 'av01', 'vp08', 'vp09'];
const audioFourCcs = ['mp4a', 'Opus', 'fLaC', '.mp3', 'ac-3', 'ec-3'];

const videoByFourCc = byFourCc(videoFourCcs);
const audioByFourCc = byFourCc(audioFourCcs);

// FLV specification E.4.3.1; 12 is the HEVC extension that Chinese CDNs and old encoders use.
const legacyVideo: Readonly<Record<number, string>> = {
  1: 'jpeg',
  2: 'h263',
  3: 'screen',
  4: 'vp6',
  5: 'vp6a',
  6: 'screen2',
  7: 'avc1',
  12: 'hvc1',
};

// FLV specification E.4.2.1; 9 is the mark of the enhanced head.
const legacyAudio: Readonly<Record<number, string>> = {
  0: 'pcm',
  1: 'adpcm',
  2: '.mp3',
  3: 'pcm',
  4: 'nellymoser',
  5: 'nellymoser',
  6: 'nellymoser',
  7: 'alaw',
  8: 'ulaw',
  10: 'mp4a',
  11: 'speex',
  14: '.mp3',
  15: 'device',
};

/** Name of a video FourCC (a big-endian u32), `unknown` for others. */
export function videoFourCcName(fourCc: number): string {
  return videoByFourCc.get(fourCc) ?? unknownCodec;
}

/** Name of an audio FourCC (a big-endian u32), `unknown` for others. */
export function audioFourCcName(fourCc: number): string {
  return audioByFourCc.get(fourCc) ?? unknownCodec;
}

/** Name of a legacy video codec id. */
export function legacyVideoName(codecId: number): string {
  return legacyVideo[codecId] ?? unknownCodec;
}

/** Name of a legacy sound format. */
export function legacyAudioName(soundFormat: number): string {
  return legacyAudio[soundFormat] ?? unknownCodec;
}

/** True for codecs whose coded frames carry a composition offset in the enhanced head. */
export function hasCompositionOffset(codec: string): boolean {
  return codec === 'avc1' || codec === 'hvc1' || codec === 'vvc1';
}

/** True for codecs that cannot be decoded in FLV without a sequence start. */
export function needsSequenceStart(codec: string): boolean {
  return hasCompositionOffset(codec) || codec === 'mp4a';
}

function byFourCc(names: readonly string[]): ReadonlyMap<number, string> {
  return new Map(names.map((name) => [Buffer.from(name, 'latin1').readUInt32BE(0), name]));
}
