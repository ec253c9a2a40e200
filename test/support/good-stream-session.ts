// The good publisher and its two viewers. They run in a process of their own (good-stream-process.ts), so that the
// attackers' work in the test's process cannot look like a fault of the server.
import { get } from 'node:http';
import { messageType } from '../abuse/rtmp-bytes.ts';
import { RtmpPeer } from '../abuse/rtmp-peer.ts';
import type { GoodStreamOptions, GoodStreamReport } from './good-stream-contract.ts';
import { FlvReader } from './good-stream-flv.ts';
import {
  audioFrame,
  audioSequenceHeader,
  framePeriodMs,
  videoFrame,
  videoSequenceHeader,
} from './good-stream-frames.ts';
import { FrameLedger } from './good-stream-ledger.ts';

/** A running publisher with its viewers. */
export class GoodStreamSession {
  readonly #options: GoodStreamOptions;
  readonly #ledgers = new Map<string, FrameLedger>();
  #publisher: RtmpPeer | undefined;
  readonly #msid = 1;
  #sentFrames = 0;
  #startedAtMs = 0;
  #ownStallMs = 0;
  #lastTickMs = 0;

  constructor(options: GoodStreamOptions) {
    this.#options = options;
  }

  /** Publishes, attaches the viewers and resolves once each has seen frames. */
  async start(): Promise<void> {
    const { rtmp, app, name, query = '' } = this.#options;
    const publisher = await RtmpPeer.open(rtmp);
    if (!(await publisher.publish(app, name + query))) throw new Error('the good publisher was refused');
    this.#publisher = publisher;
    await publisher.send({ type: messageType.video, msid: this.#msid, payload: videoSequenceHeader });
    await publisher.send({ type: messageType.audio, msid: this.#msid, payload: audioSequenceHeader });
    this.#startedAtMs = performance.now();
    this.#lastTickMs = this.#startedAtMs;
    setInterval(() => this.#tick(), framePeriodMs / 2);
    await this.#viewRtmp();
    if (this.#options.http !== undefined) this.#viewFlv();
    await this.#allReceive();
  }

  mark(): void {
    this.#ownStallMs = 0;
    for (const ledger of this.#ledgers.values()) ledger.mark();
  }

  report(): GoodStreamReport {
    const viewers = Object.fromEntries([...this.#ledgers].map(([name, ledger]) => [name, ledger.report()]));
    const publisherClosed = this.#publisher?.connection.isClosed ?? true;
    return { viewers, publisherClosed, ownStallMs: this.#ownStallMs };
  }

  #tick(): void {
    const now = performance.now();
    this.#ownStallMs = Math.max(this.#ownStallMs, now - this.#lastTickMs);
    this.#lastTickMs = now;
    const dueFrames = Math.floor((now - this.#startedAtMs) / framePeriodMs) + 1;
    for (; this.#sentFrames < dueFrames; this.#sentFrames += 1) this.#sendFrame(this.#sentFrames);
  }

  #sendFrame(number: number): void {
    const header = { msid: this.#msid, timestamp: number * framePeriodMs };
    void this.#publisher?.send({ ...header, type: messageType.video, payload: videoFrame(number) });
    void this.#publisher?.send({ ...header, type: messageType.audio, payload: audioFrame(number) });
  }

  async #viewRtmp(): Promise<void> {
    const ledger = this.#addLedger('rtmp');
    const viewer = await RtmpPeer.open(this.#options.rtmp);
    viewer.onMedia = (received) => {
      ledger.take(
        received.type === messageType.audio ? 'audio' : 'video',
        received.timestamp,
        received.payload,
      );
    };
    void viewer.connection.closed.then(() => (ledger.isClosed = true));
    const { app, name, query = '' } = this.#options;
    if (!(await viewer.play(app, name + query))) throw new Error('the good RTMP viewer was refused');
  }

  #viewFlv(): void {
    const ledger = this.#addLedger('flv');
    const { http, app, name, query = '' } = this.#options;
    const reader = new FlvReader((tag) => {
      if (tag.type === messageType.audio) ledger.take('audio', tag.timestampMs, tag.body);
      if (tag.type === messageType.video) ledger.take('video', tag.timestampMs, tag.body);
    });
    const close = (): void => {
      ledger.isClosed = true;
    };
    get({ ...http, path: `/${app}/${name}.flv${query}`, agent: false }, (response) => {
      response
        .on('data', (bytes: Buffer) => reader.push(bytes))
        .on('close', close)
        .on('error', close);
    }).on('error', close);
  }

  #addLedger(name: string): FrameLedger {
    const ledger = new FrameLedger();
    this.#ledgers.set(name, ledger);
    return ledger;
  }

  async #allReceive(): Promise<void> {
    const deadline = performance.now() + 15_000;
    const isMissing = (): boolean =>
      [...this.#ledgers.values()].some((ledger) => ledger.report().frames < 10);
    while (isMissing()) {
      if (performance.now() > deadline) throw new Error('a good viewer received no frames within 15 s');
      await new Promise((resolve) => setTimeout(resolve, framePeriodMs));
    }
  }
}
