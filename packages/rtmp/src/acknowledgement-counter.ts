/** Says when to acknowledge what a connection received (RTMP 1.0 §5.4.3). */
export class AcknowledgementCounter {
  /** The peer's Window Acknowledgement Size. Nothing is acknowledged before it is known. */
  setWindow(windowBytes: number): void {
    void windowBytes;
    throw new Error('not implemented');
  }

  /**
   * Counts one read from the transport, handshake included, and returns the sequence number to acknowledge now, if any:
   * at most one for a read, and at the latest each window.
   */
  received(byteCount: number): number | undefined {
    void byteCount;
    throw new Error('not implemented');
  }
}
