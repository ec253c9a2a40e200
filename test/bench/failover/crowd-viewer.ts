// One of very many viewers: HTTP-FLV, of which it only notices that something comes.
import { connect } from 'node:net';

/** A viewer that stays for as long as the process lives. */
export class CrowdViewer {
  /** The longest pause between two pieces of the stream since `mark`. */
  maxPauseMs = 0;
  isConnected = false;
  hasEnded = false;
  #lastAtMs = 0;

  constructor(edge: string, stream: string) {
    const [host = '', port = ''] = edge.split(':');
    const socket = connect({ host, port: Number(port) });
    socket.on('connect', () => {
      socket.write(`GET /${stream}.flv HTTP/1.1\r\nHost: ${edge}\r\n\r\n`);
    });
    socket.on('data', () => {
      const nowMs = performance.now();
      if (this.isConnected) this.maxPauseMs = Math.max(this.maxPauseMs, nowMs - this.#lastAtMs);
      this.isConnected = true;
      this.#lastAtMs = nowMs;
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => (this.hasEnded = true));
  }

  /** Begins to measure pauses anew. */
  mark(): void {
    this.maxPauseMs = 0;
  }
}
