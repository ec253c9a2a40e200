// The client library collects an answer of any size, and waits for its own timer when a connection breaks in the middle of
// an answer. Both are mended here, on the way between it and node:http.
import type { ClientRequest, IncomingMessage } from 'node:http';

/** Makes a request fail when its answer is larger than `maxBytes` or ends before it is complete. */
export function boundResponse(request: ClientRequest, maxBytes: number): void {
  request.once('response', (response: IncomingMessage) => {
    let bytes = 0;
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= maxBytes) return;
      request.emit('error', new Error(`answer is larger than ${maxBytes} bytes`));
      request.destroy();
    });
    response.once('close', () => {
      if (!response.complete) request.emit('error', new Error('connection broke within the answer'));
    });
  });
}
