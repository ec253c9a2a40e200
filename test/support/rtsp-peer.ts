// An RTSP server that behaves as badly as a test wants: it listens for real, and its answers are the test's.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { defer } from './cleanup.ts';

/** The requests of a client that wants to play. */
export type RtspMethod = 'DESCRIBE' | 'SETUP' | 'PLAY' | 'TEARDOWN' | 'GET_PARAMETER';

/** What is said to a request: a whole answer as text, or what the function does with the socket. */
export type PeerAnswer = string | ((socket: Socket, sequence: string) => void);

/** How the peer behaves. What is left out is done properly. */
export interface RtspPeerScript {
  /** Instead of everything else, when somebody has connected. */
  readonly connected?: (socket: Socket) => void;
  readonly answers?: Partial<Record<RtspMethod, PeerAnswer>>;
  readonly sdp?: string;
  /** Done once it has agreed to play. */
  readonly playing?: (socket: Socket) => void;
}

// H.264 under payload type 96 and AAC under 97.
const goodSdp = [
  'v=0',
  'o=- 1 1 IN IP4 127.0.0.1',
  's=test',
  't=0 0',
  'm=video 0 RTP/AVP 96',
  'a=rtpmap:96 H264/90000',
  'a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z0LADNoFB+wEQAAAAwBAAAAMg8UKqA==,aM4PyA==',
  'a=control:trackID=0',
  'm=audio 0 RTP/AVP 97',
  'a=rtpmap:97 MPEG4-GENERIC/44100/1',
  'a=fmtp:97 mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1208',
  'a=control:trackID=1',
  '',
].join('\r\n');

/** An answer with a status line, headers and a body. */
export function rtspAnswer(sequence: string, status: string, headers: string[] = [], body = ''): string {
  const length = body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
  return [`RTSP/1.0 ${status}`, `CSeq: ${sequence}`, ...headers, ...length, '', body].join('\r\n');
}

/** One interleaved packet (RFC 2326 §10.12). */
export function interleaved(channel: number, packet: Buffer): Buffer {
  const head = Buffer.from([0x24, channel, 0, 0]);
  head.writeUInt16BE(packet.length, 2);
  return Buffer.concat([head, packet]);
}

/** One RTP packet. */
export function rtp(fields: {
  readonly payloadType: number;
  readonly sequence: number;
  readonly timestamp: number;
  readonly isLast?: boolean;
  readonly payload: Buffer;
}): Buffer {
  const head = Buffer.alloc(12);
  head[0] = 0x80;
  head[1] = (fields.isLast === true ? 0x80 : 0) | fields.payloadType;
  head.writeUInt16BE(fields.sequence & 0xff_ff, 2);
  head.writeUInt32BE(fields.timestamp >>> 0, 4);
  return Buffer.concat([head, fields.payload]);
}

/** Listens on a free loopback port until the end of the test; resolves with the URL. */
export async function startRtspPeer(script: RtspPeerScript): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    if (script.connected === undefined) converse(socket, script);
    else script.connected(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  defer(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return `rtsp://127.0.0.1:${String((server.address() as AddressInfo).port)}/cam`;
}

function converse(socket: Socket, script: RtspPeerScript): void {
  let text = '';
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1');
    for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
      const request = text.slice(0, end);
      text = text.slice(end + 4);
      answer(socket, request, script);
    }
  });
}

function answer(socket: Socket, request: string, script: RtspPeerScript): void {
  const method = request.slice(0, request.indexOf(' ')) as RtspMethod;
  const sequence = /^CSeq: (\d+)/m.exec(request)?.[1] ?? '';
  const scripted = script.answers?.[method];
  if (typeof scripted === 'function') scripted(socket, sequence);
  else socket.write(scripted ?? properAnswer(method, sequence, request, script.sdp ?? goodSdp));
  if (method === 'PLAY') script.playing?.(socket);
}

function properAnswer(method: RtspMethod, sequence: string, request: string, sdp: string): string {
  if (method === 'DESCRIBE') return rtspAnswer(sequence, '200 OK', ['Content-Type: application/sdp'], sdp);
  const transport = /^Transport: .*$/m.exec(request)?.[0] ?? 'X: -';
  return rtspAnswer(sequence, '200 OK', ['Session: 1234;timeout=60', transport.trim()]);
}
