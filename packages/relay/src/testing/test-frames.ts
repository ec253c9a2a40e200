import type { Frame } from '@headwater/media';

/** Frames numbered `from` up to, not including, `to`, each recognisable by its payload; a keyframe every 50. */
export function testFrames(from: number, to: number, payloadBytes = 100): Frame[] {
  return Array.from({ length: to - from }, (_, index) => {
    const sequence = from + index;
    return {
      kind: 'video',
      role: sequence % 50 === 0 ? 'keyframe' : 'media',
      sequence,
      timestampMs: sequence * 40,
      payload: Buffer.alloc(payloadBytes, sequence % 251),
    };
  });
}
