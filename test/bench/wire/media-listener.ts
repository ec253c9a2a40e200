/** Message types of RTMP that FLV tags share (RTMP 1.0 §7.1, FLV E.4.1). */
export const AUDIO = 8;
export const VIDEO = 9;

/**
 * Hears of each message a scanner passes over. `head` holds the first bytes of the payload (as many as the scanner
 * keeps of that type, see `headLimit`) and is reused: read it during the call only.
 */
export interface MediaListener {
  /** The head has arrived; the rest of the message may still be under way. */
  messageBegan(type: number, head: Buffer): void;
  /** The last byte has arrived. */
  messageEnded(type: number, lengthBytes: number, head: Buffer): void;
}

/** The bytes came in an order that the protocol does not allow. */
export class ScanError extends Error {
  override readonly name = 'ScanError';
}

/** Enough for a command's name and codes. */
export const HEAD_BYTES = 128;

/** How many payload bytes a scanner keeps of a message type; the rest is skipped without a look. */
export function headLimit(type: number): number {
  if (type === VIDEO) return 48;
  if (type === AUDIO) return 2;
  return HEAD_BYTES;
}
