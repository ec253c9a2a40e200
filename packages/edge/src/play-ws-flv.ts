// WebSocket-FLV viewers. `ws` speaks the handshake and the control frames; media goes beside it straight to the socket,
// as whole frames, so the two never mix within one.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { AppError, toAppError, type Clock, type CloseReason } from '@headwater/contracts';
import { WebSocketServer, type WebSocket } from 'ws';
import type { CrossOriginRule } from './cross-origin.ts';
import type { Edge } from './edge.ts';
import type { FlvRequest } from './flv-request.ts';
import { cutAfterLastWords } from './last-words.ts';
import { problemAnswer } from './problem.ts';
import { ViewerSocket } from './viewer-socket.ts';
import type { Viewer, ViewerContext } from './viewer.ts';
import { wsFlvFormat } from './ws-flv-format.ts';

/** One request to upgrade to a WebSocket that carries a stream. */
export interface WsFlvExchange {
  readonly edge: Edge;
  readonly crossOrigin: CrossOriginRule;
  readonly flv: FlvRequest;
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly sessionId: string;
  /** The client's, which may be another one than the peer's. */
  readonly remoteAddress: string;
}

// Players send nothing but control frames.
const maxIncomingBytes = 64 * 1024;

// The first subprotocol that a client offers is echoed: some players insist on one.
const acceptor = new WebSocketServer({
  noServer: true,
  maxPayload: maxIncomingBytes,
  perMessageDeflate: false,
  clientTracking: false,
});

/** Upgrades and delivers, or answers the refusal as plain HTTP. Never rejects. */
export async function playWsFlv(exchange: WsFlvExchange): Promise<void> {
  const { edge, flv, request, socket, head, crossOrigin } = exchange;
  const context: ViewerContext = {
    sessionId: exchange.sessionId,
    protocol: 'ws-flv',
    remoteAddress: exchange.remoteAddress,
  };
  const connection = new ViewerSocket(edge.clock, socket);
  socket.on('error', () => socket.destroy());
  // node:http has let go of the socket, `ws` has not taken it yet: a peer that closes its side is noticed here alone.
  const leave = (): void => void socket.destroy();
  socket.once('end', leave);
  try {
    const { origin, host } = request.headers;
    if (!crossOrigin.isAllowed(origin, host)) {
      throw new AppError('play_denied', { details: { origin: origin?.slice(0, 128) } });
    }
    const viewer = await edge.admit({ ...flv, context, signal: connection.signal });
    socket.off('end', leave);
    // Also where `ws` refuses the handshake: it closes the socket without a WebSocket ever being made.
    connection.onGone(() => {
      viewer.close('client_closed');
    });
    if (connection.isGone) return;
    acceptor.handleUpgrade(request, socket, head, (webSocket) => {
      deliver(viewer, webSocket, connection);
    });
  } catch (caught) {
    refuseUpgrade(edge.clock, socket, toAppError(caught));
  }
}

function deliver(viewer: Viewer, webSocket: WebSocket, connection: ViewerSocket): void {
  viewer.onEnded = (reason) => {
    finish(webSocket, reason);
    connection.cutSoon();
  };
  webSocket.on('message', (_data, isBinary) => {
    if (isBinary || webSocket.readyState !== webSocket.OPEN) return;
    viewer.close('protocol_error');
    webSocket.close(1003, 'nothing is read here');
    connection.cutSoon();
  });
  webSocket.on('close', () => {
    viewer.close('client_closed');
  });
  // `ws` has answered the peer with the right close code by then.
  webSocket.on('error', () => {
    viewer.close('protocol_error');
  });
  viewer.deliver({ format: wsFlvFormat, sink: connection.sink, from: 'keyframe' });
}

function finish(webSocket: WebSocket, reason: CloseReason): void {
  if (reason === 'slow_viewer') webSocket.terminate();
  else if (reason === 'shutdown') webSocket.close(1001, reason);
  else webSocket.close(1000, reason);
}

/** Answers a request to upgrade with an error, as plain HTTP, and closes the connection. */
export function refuseUpgrade(clock: Clock, socket: Duplex, error: AppError): void {
  if (socket.destroyed) return;
  const { status, reason, headers, body } = problemAnswer(error);
  const lines = Object.entries({ ...headers, Connection: 'close' }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  socket.end(`HTTP/1.1 ${String(status)} ${reason}\r\n${lines.join('')}\r\n${body}`);
  cutAfterLastWords(clock, socket);
}
