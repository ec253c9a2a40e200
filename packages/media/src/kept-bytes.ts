/** True when keeping the first `length` bytes of a view of this memory keeps at most as much again alive for nothing. */
export function fillsItsMemory(length: number, memory: ArrayBufferLike): boolean {
  return 2 * length >= memory.byteLength;
}

/**
 * Bytes that may be kept for long: the view itself when it is at least half of the memory under it, else a copy. A small
 * part of something large would keep all of that alive.
 */
export function keptBytes(view: Buffer): Buffer {
  if (fillsItsMemory(view.length, view.buffer)) return view;
  const copy = Buffer.allocUnsafeSlow(view.length);
  view.copy(copy);
  return copy;
}
