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
const retryMs = 500;

/** Watches an HTTP-FLV stream until it has shown enough; resolves with the last trouble when `signal` aborts before. */
export async function playHttpFlv(url: string, signal: AbortSignal): Promise<PlayedStream | string> {
  let trouble = 'nothing came';
  while (!signal.aborted) {
    try {
      return await playOnce(url, signal);
    } catch (error) {
      // Abortion is no trouble of its own.
      if (!isAborted(error)) trouble = troubleOf(error);
    }
    await pause(signal);
  }
  return trouble;
}

async function playOnce(url: string, signal: AbortSignal): Promise<PlayedStream> {
  const response = await fetch(url, { signal });
  if (!response.ok || response.body === null) throw new Error(`the answer was ${response.status}`);
  const reader = new FlvReader();
  let frames = 0;
  let keyframes = 0;
  for await (const bytes of response.body) {
    reader.read(Buffer.from(bytes as Uint8Array), ({ kind, payload }) => {
      if (kind !== 'video') return;
      const role = classifyFrame(kind, payload);
      if (role === 'header') return;
      frames++;
      if (role === 'keyframe') keyframes++;
    });
    if (frames >= wantedFrames && keyframes >= wantedKeyframes) {
      return { url: response.url, frames, keyframes };
    }
  }
  throw new Error(`the stream ended after ${frames} frames`);
}

function isAborted(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

function troubleOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // What fetch says itself is only that it failed.
  return error.cause instanceof Error ? error.cause.message : error.message;
}

async function pause(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, retryMs);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
