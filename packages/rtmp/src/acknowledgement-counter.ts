/** Peers that ask for smaller windows would be sent more acknowledgements than is good for either side. */
const minWindowBytes = 1024;

/** Says when to acknowledge what a connection received (RTMP 1.0 §5.4.3). */
export class AcknowledgementCounter {
  #windowBytes = Infinity;
  #receivedBytes = 0;
  #acknowledgedBytes = 0;

  /** The peer's Window Acknowledgement Size. Nothing is acknowledged before it is known. */
  setWindow(windowBytes: number): void {
    this.#windowBytes = Math.max(windowBytes, minWindowBytes);
  }

  /**
   * Counts one read from the transport, handshake included, and returns the sequence number to acknowledge now, if any:
   * at most one for a read, and at the latest each window. It restarts at 0 after 2^32.
   */
  received(byteCount: number): number | undefined {
    this.#receivedBytes += byteCount;
    // Half a window: a peer that would pass the window with its next message may wait before the window is full.
    if (this.#receivedBytes - this.#acknowledgedBytes < this.#windowBytes / 2) return undefined;
    this.#acknowledgedBytes = this.#receivedBytes;
    return this.#receivedBytes >>> 0;
  }
}
