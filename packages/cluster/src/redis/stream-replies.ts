// What scripts answer about streams.
import { AppError, type StreamKey } from '@headwater/contracts';
import type { NodeRef } from '../node-record.ts';
import type { StreamRecord } from '../stream-record.ts';
import { decodeKey, decodeStream } from './record-codec.ts';
import { pairsOf, textOf, textsOf } from './script-reply.ts';

/** The answer to what only a node that has joined may ask. */
export function hasNotJoined({ nodeId }: NodeRef): AppError {
  return new AppError('registry_unavailable', { details: { nodeId, what: 'node has not joined' } });
}

/** The record that a script answered with. Throws when it is none. */
export function readableStream(stream: StreamKey, value: unknown): StreamRecord {
  const record = decodeStream(stream, textOf(value));
  if (record !== undefined) return record;
  throw new AppError('registry_unavailable', { details: { what: 'record is unreadable' } });
}

/** The stream keys of an array; what is none is left out. */
export function keysOf(value: unknown): StreamKey[] {
  return textsOf(value).flatMap((key) => decodeKey(key) ?? []);
}

/** Epochs by stream, of a flat array of both. */
export function epochsOf(value: unknown): Map<StreamKey, number> {
  const epochs = new Map<StreamKey, number>();
  for (const [key, epoch] of pairsOf(value)) {
    const stream = decodeKey(key);
    if (stream !== undefined) epochs.set(stream, Number(epoch));
  }
  return epochs;
}
