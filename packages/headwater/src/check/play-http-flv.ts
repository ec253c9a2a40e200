import { setTimeout as delay } from 'node:timers/promises';
import { classifyFrame, FlvReader } from '@headwater/media';

/** What a stream showed. */
export interface PlayedStream {
  /** Where it was shown in the end, after redirections. */
  readonly url: string;
  readonly frames: number;
  readonly keyframes: number;
}

/** More than any group of pictures that a viewer starts with: the stream goes on. */
const wantedKeyframes = 2;
const wantedFrames = 60;

interface Seen {
  frames: number;
  keyframes: number;
}

/** Watches an HTTP-FLV stream until it has shown enough; resolves with the last trouble when `signal` aborts before. */
export async function playHttpFlv(
  url: string,
  { signal, retryMs = 500 }: { readonly signal: AbortSignal; readonly retryMs?: number },
): Promise<PlayedStream | string> {
  let trouble = 'nothing came';
  while (!signal.aborted) {
    const seen: Seen = { frames: 0, keyframes: 0 };
    try {
      return await playOnce(url, seen, signal);
    } catch (error) {
      trouble = troubleOf(error, seen) ?? trouble;
    }
    await delay(retryMs, undefined, { signal }).catch(() => undefined);
  }
  return trouble;
}

async function playOnce(url: string, seen: Seen, signal: AbortSignal): Promise<PlayedStream> {
  const response = await fetch(url, { signal });
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    throw new Error(`the answer was ${response.status}`);
  }
  const reader = new FlvReader();
  for await (const bytes of response.body) {
    reader.read(Buffer.from(bytes as Uint8Array), ({ kind, payload }) => {
      if (kind !== 'video') return;
      const role = classifyFrame(kind, payload);
      if (role === 'header') return;
      seen.frames++;
      if (role === 'keyframe') seen.keyframes++;
    });
    if (seen.frames >= wantedFrames && seen.keyframes >= wantedKeyframes) {
      return { url: response.url, ...seen };
    }
  }
  throw new Error(`the stream ended after ${seen.frames} frames`);
}

function troubleOf(error: unknown, { frames, keyframes }: Seen): string | undefined {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'AbortError') {
    // That it was broken off is no trouble of its own.
    return frames === 0 ? undefined : `only ${frames} frames came, ${keyframes} of them keyframes`;
  }
  // What fetch says itself is only that it failed.
  return error.cause instanceof Error ? error.cause.message : error.message;
}
