import type { PublicStreamList } from '@headwater/contracts';

/** A live stream as the list shows it. */
export type ListedStream = PublicStreamList['streams'][number];

/** The part of the page's address that names a stream, `#live/cam1`. */
export function streamOfHash(hash: string): string | undefined {
  const key = decodeURIComponent(hash.replace(/^#/, ''));
  return /^[^/]+\/[^/]+$/.test(key) ? key : undefined;
}

/** Asks the node what is live. Rejects with a readable `Error`. */
export async function fetchStreams(signal: AbortSignal): Promise<readonly ListedStream[]> {
  const answer = await fetch('./api/streams', { signal, cache: 'no-store' });
  if (!answer.ok) throw new Error(`the node answered ${String(answer.status)} ${answer.statusText}`);
  const { streams } = (await answer.json()) as PublicStreamList;
  return streams;
}
