import net from 'node:net';
import { nowUs } from '../measure/monotonic-clock.ts';
import { FlvScanner } from '../wire/flv-scanner.ts';
import { HttpBodyScanner } from '../wire/http-body-scanner.ts';
import { AUDIO, VIDEO, type MediaListener } from '../wire/media-listener.ts';
import type { FleetStats } from './fleet-stats.ts';
import { RtmpDialogue } from './rtmp-dialogue.ts';
import { readFrameIndex, readSentUs, STAMP_END } from './stamp.ts';
import { AUDIO_BYTES, type StreamRate, videoBytes } from './synthetic-stream.ts';

const STALL_US = 1_000_000;
const KEYFRAME = 0x10;
const CODED_FRAME = 1;
/** RTMP's format 0 header; a frame's continuation headers are fewer than 1 in 1000 bytes at the chunk sizes in use. */
const RTMP_OVERHEAD = 12;
/** FLV tag header and size of the previous tag. */
const FLV_OVERHEAD = 15;
/** All viewers of a process read into this one buffer: bytes are scanned before the next read. */
const readBuffer = Buffer.allocUnsafe(256 * 1024);

/** Formats a viewer can ask for. */
export type ViewerFormat = 'rtmp' | 'flv';

/** What to watch and where. */
export interface ViewerTarget {
  readonly format: ViewerFormat;
  readonly host: string;
  readonly port: number;
  readonly app: string;
  /** Stream name, without the query. */
  readonly name: string;
  readonly rate: StreamRate;
  /** Query with its question mark, or nothing. */
  readonly query: string;
}

/** One connection that watches a stream made by the bench's publisher and adds what it sees to the fleet's counters. */
export class Viewer implements MediaListener {
  readonly #stats: FleetStats;
  readonly #overheadBytes: number;
  readonly #rate: StreamRate;
  readonly #socket: net.Socket;
  readonly #startedUs: number;
  #response: HttpBodyScanner | undefined;
  #isJoined = false;
  #isClosed = false;
  #lastFrameIndex = -1;
  #lastFrameUs = 0;
  #socketBytesBefore = 0;
  #framingBytesBefore = 0;

  constructor(target: ViewerTarget, stats: FleetStats) {
    this.#stats = stats;
    this.#overheadBytes = target.format === 'rtmp' ? RTMP_OVERHEAD : FLV_OVERHEAD;
    this.#rate = target.rate;
    this.#startedUs = nowUs();
    let read: (length: number) => void = () => undefined;
    this.#socket = net.connect({
      host: target.host,
      port: target.port,
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback: (length): boolean => {
          stats.readAtUs = nowUs();
          try {
            read(length);
          } catch (error) {
            this.#close(error instanceof Error ? error.message : 'scan failed');
          }
          return true;
        },
      },
    });
    read = target.format === 'rtmp' ? this.#readRtmp(target) : this.#readFlv(target);
    this.#socket.on('error', (error) => {
      this.#close(error.message);
    });
    this.#socket.on('close', () => {
      this.#close('closed by the server');
    });
  }

  /** True once a keyframe came or the connection ended without one. */
  get isSettled(): boolean {
    return this.#isJoined || this.#isClosed;
  }

  /** What the socket read since `begin`. */
  get socketBytes(): number {
    return this.#socket.bytesRead - this.#socketBytesBefore;
  }

  /** Bytes of HTTP's own since `begin`; none for RTMP. */
  get framingBytes(): number {
    return (this.#response?.framingBytes ?? 0) - this.#framingBytesBefore;
  }

  /** Ends the connection, as a viewer that has seen enough. */
  leave(): void {
    this.#isClosed = true;
    this.#socket.destroy();
  }

  /** Starts a window. */
  begin(): void {
    this.#socketBytesBefore = this.#socket.bytesRead;
    this.#framingBytesBefore = this.#response?.framingBytes ?? 0;
  }

  messageBegan(type: number, head: Buffer): void {
    if (this.#isJoined || type !== VIDEO) return;
    if (((head[0] ?? 0) & 0xf0) !== KEYFRAME || head[1] !== CODED_FRAME) return;
    this.#isJoined = true;
    this.#stats.joined += 1;
    this.#stats.join.add(this.#stats.readAtUs - this.#startedUs);
  }

  messageEnded(type: number, lengthBytes: number, head: Buffer): void {
    if (head[1] !== CODED_FRAME) return;
    if (type === AUDIO) this.#stats.countedBytes += AUDIO_BYTES + this.#overheadBytes;
    if (type === VIDEO && lengthBytes >= STAMP_END) this.#videoFrame(head);
  }

  #videoFrame(head: Buffer): void {
    const stats = this.#stats;
    const frameIndex = readFrameIndex(head);
    stats.countedBytes += videoBytes(this.#rate, frameIndex) + this.#overheadBytes;
    stats.videoFrames += 1;
    stats.latency.add(stats.readAtUs - readSentUs(head));
    if (this.#lastFrameIndex >= 0) {
      if (stats.readAtUs - this.#lastFrameUs > STALL_US) stats.stalls += 1;
      if (frameIndex <= this.#lastFrameIndex) stats.repeatedFrames += 1;
      else stats.lostFrames += frameIndex - this.#lastFrameIndex - 1;
    }
    this.#lastFrameIndex = frameIndex;
    this.#lastFrameUs = stats.readAtUs;
  }

  #readRtmp(target: ViewerTarget): (length: number) => void {
    const socket = this.#socket;
    const goal = { ...target, action: 'play', name: target.name + target.query } as const;
    const port = {
      write: (bytes: Buffer): void => {
        socket.write(bytes);
      },
      started: (): void => undefined,
      refused: (code: string): void => {
        this.#close(code);
      },
    };
    const dialogue = new RtmpDialogue(goal, port, this);
    socket.once('connect', () => {
      dialogue.open();
    });
    return (length) => {
      dialogue.read(readBuffer, length);
    };
  }

  #readFlv(target: ViewerTarget): (length: number) => void {
    const { host, port, app, name, query } = target;
    const flv = new FlvScanner(this);
    const response = new HttpBodyScanner((bytes, start, end) => {
      if (response.status === 200) flv.scan(bytes, start, end);
      else this.#close(`HTTP ${String(response.status)}`);
    });
    this.#response = response;
    this.#socket.write(
      `GET /${app}/${name}.flv${query} HTTP/1.1\r\nHost: ${host}:${String(port)}\r\nUser-Agent: bench\r\n\r\n`,
    );
    return (length) => {
      response.scan(readBuffer, 0, length);
    };
  }

  #close(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#isJoined) this.#stats.disconnects += 1;
    else this.#stats.failed(reason);
    this.#socket.destroy();
  }
}
