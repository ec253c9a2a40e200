// Viewers over real sockets, one for each output, that keep every frame they see and how their stream ended.
import { get, type ClientRequest, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { FlvReader, type FlvTag } from '@headwater/media';
import { realClock } from '@headwater/relay/testing';
import { RtmpClientSession } from '@headwater/rtmp';
import WebSocket from 'ws';
import { defer } from './cleanup.ts';
import type { RunningHeadwater } from './headwater.ts';
import { rtmpTargetOf } from './media-publisher.ts';

/** The ways to watch a stream. */
export type Output = 'rtmp' | 'http-flv' | 'ws-flv';

/** All of them. */
export const outputs: readonly Output[] = ['rtmp', 'http-flv', 'ws-flv'];

/** A viewer that is watching, or has watched. */
export interface MediaViewer {
  readonly output: Output;
  /** Everything received so far: metadata, headers and media, in order. */
  readonly frames: readonly FlvTag[];
  /** RTMP: codes of every status. HTTP: the status of the answer. */
  readonly answers: readonly string[];
  /**
   * How it ended; undefined while it goes on. `end` is an HTTP body that was finished, `close 1000` a WebSocket that was
   * closed with that code, a status code what an RTMP server said last; `reset` is an end without a word.
   */
  readonly end: string | undefined;
  /** True once its request for the stream is on its way. */
  readonly hasAsked: boolean;
  /** Reads nothing more, with the connection kept open. */
  stopReading(): void;
  resumeReading(): void;
  /** Goes away. */
  leave(): void;
}

/** What a viewer asks for. */
export interface WatchOptions {
  /** Parameters behind the stream's name, with the question mark. */
  readonly query?: string;
  /** Bits of RTMP's `capsEx`; without, the viewer knows nothing of Enhanced RTMP. */
  readonly capsEx?: number;
}

/** Begins to watch a stream, live or not yet. The viewer goes away with the test at the latest. */
export function watch(
  node: RunningHeadwater,
  output: Output,
  stream: string,
  options: WatchOptions = {},
): MediaViewer {
  const viewer = opened(node, output, stream, options);
  defer(() => viewer.leave());
  return viewer;
}

/** One viewer for each output. */
export function watchAll(node: RunningHeadwater, stream: string, options: WatchOptions = {}): MediaViewer[] {
  return outputs.map((output) => watch(node, output, stream, options));
}

function opened(
  node: RunningHeadwater,
  output: Output,
  stream: string,
  options: WatchOptions,
): RtmpViewer | HttpFlvViewer | WsFlvViewer {
  const { query = '' } = options;
  switch (output) {
    case 'rtmp':
      return new RtmpViewer(node.rtmpUrl(stream) + query, options.capsEx);
    case 'http-flv':
      return new HttpFlvViewer(node.flvUrl(stream) + query);
    case 'ws-flv':
      return new WsFlvViewer(node.wsUrl(stream) + query);
  }
}

class RtmpViewer implements MediaViewer {
  readonly output = 'rtmp';
  readonly frames: FlvTag[] = [];
  readonly answers: string[] = [];
  end: string | undefined;
  readonly #socket: Socket;
  readonly #session: RtmpClientSession;

  constructor(url: string, capsEx: number | undefined) {
    const target = rtmpTargetOf(url);
    const socket = connect({ host: target.host, port: target.port, noDelay: true });
    this.#socket = socket;
    this.#session = new RtmpClientSession({
      clock: realClock,
      action: 'play',
      target,
      ...(capsEx === undefined ? {} : { capsEx }),
      output: (bytes) => {
        if (!socket.destroyed) socket.write(bytes);
      },
      delegate: {
        started: () => undefined,
        media: (kind, timestampMs, payload) => this.frames.push({ kind, timestampMs, payload }),
        status: ({ code }) => this.answers.push(code),
        closed: (reason) => {
          this.end ??= reason === 'client_closed' ? 'reset' : (this.answers.at(-1) ?? reason);
          socket.end();
        },
      },
    });
    socket.on('connect', () => this.#session.start());
    socket.on('data', (bytes: Buffer) => this.#session.read(bytes));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#session.transportClosed());
  }

  get hasAsked(): boolean {
    const { state } = this.#session;
    return state === 'requesting' || state === 'live';
  }

  stopReading(): void {
    this.#socket.pause();
  }

  resumeReading(): void {
    this.#socket.resume();
  }

  leave(): void {
    this.#socket.destroy();
  }
}

class HttpFlvViewer implements MediaViewer {
  readonly output = 'http-flv';
  readonly frames: FlvTag[] = [];
  readonly answers: string[] = [];
  end: string | undefined;
  hasAsked = false;
  readonly #reader = new FlvReader();
  readonly #request: ClientRequest;
  #response: IncomingMessage | undefined;

  constructor(url: string) {
    this.#request = get(url, { agent: false }, (response) => this.#read(response));
    this.#request.on('finish', () => (this.hasAsked = true));
    this.#request.on('error', () => (this.end ??= 'reset'));
  }

  stopReading(): void {
    this.#response?.pause();
  }

  resumeReading(): void {
    this.#response?.resume();
  }

  leave(): void {
    this.#request.destroy();
  }

  #read(response: IncomingMessage): void {
    this.#response = response;
    this.answers.push(String(response.statusCode));
    if (response.statusCode !== 200) {
      response.resume().on('end', () => (this.end ??= 'end'));
      return;
    }
    response.on('data', (bytes: Buffer) => this.#reader.read(bytes, (tag) => this.frames.push(tag)));
    response.on('end', () => (this.end ??= this.#reader.isBetweenTags ? 'end' : 'within a tag'));
    response.on('error', () => (this.end ??= 'reset'));
  }
}

class WsFlvViewer implements MediaViewer {
  readonly output = 'ws-flv';
  readonly frames: FlvTag[] = [];
  readonly answers: string[] = [];
  end: string | undefined;
  hasAsked = false;
  readonly #reader = new FlvReader();
  readonly #socket: WebSocket;

  constructor(url: string) {
    this.#socket = new WebSocket(url, {
      perMessageDeflate: false,
      finishRequest: (request: ClientRequest) => {
        request.on('finish', () => (this.hasAsked = true));
        request.end();
      },
    });
    this.#socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) this.#reader.read(data, (tag) => this.frames.push(tag));
      else this.end ??= 'a text message';
    });
    this.#socket.on('unexpected-response', (_request, response: IncomingMessage) => {
      this.answers.push(String(response.statusCode));
      response.resume().on('end', () => (this.end ??= 'end'));
    });
    this.#socket.on('close', (code) => (this.end ??= code === 1006 ? 'reset' : `close ${String(code)}`));
    this.#socket.on('error', () => (this.end ??= 'reset'));
  }

  stopReading(): void {
    this.#socket.pause();
  }

  resumeReading(): void {
    this.#socket.resume();
  }

  leave(): void {
    this.#socket.terminate();
  }
}
