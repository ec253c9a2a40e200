/** Ways in which a transport may cut bytes: whole, byte by byte, and in two at every offset. */
export function* splitEverywhere(bytes: Buffer): Generator<readonly Buffer[]> {
  yield [bytes];
  yield bytesOneByOne(bytes);
  for (let at = 1; at < bytes.length; at += 1) yield [bytes.subarray(0, at), bytes.subarray(at)];
}

/** Each byte as a read of its own. */
export function bytesOneByOne(bytes: Buffer): readonly Buffer[] {
  return Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
}

/** Pieces of the given lengths, used round and round. */
export function splitByLengths(bytes: Buffer, lengths: readonly number[]): readonly Buffer[] {
  const pieces: Buffer[] = [];
  let at = 0;
  while (at < bytes.length) {
    const length = Math.max(1, lengths[pieces.length % lengths.length] ?? 1);
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return pieces;
}
