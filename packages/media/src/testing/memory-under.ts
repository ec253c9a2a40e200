/** Bytes of all memory that these Buffers keep alive: what they are views of, each counted once. */
export function memoryUnder(buffers: Iterable<Buffer>): number {
  const memories = new Set(Array.from(buffers, ({ buffer }) => buffer));
  return Array.from(memories).reduce((sum, { byteLength }) => sum + byteLength, 0);
}
