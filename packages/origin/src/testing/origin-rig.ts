// Some origins around one registry in memory, on a clock that tests move, with a relay between them.
import { silentLogger, silentMetrics, streamKey, type StreamKey } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { MemoryStreamRegistry, type NodeRef } from '@headwater/cluster';
import { testNode } from '@headwater/cluster/testing';
import type { Frame } from '@headwater/media';
import { testFrames } from '@headwater/media/testing';
import { Origin } from '../origin.ts';
import type { BackupPolicy } from '../origin-options.ts';
import { LoopRelay } from './loop-relay.ts';
import { TestPublisher } from './test-publisher.ts';

/** Frames are this far apart. */
const stepMs = 20;
/** Keyframes of the encoders are this far apart. */
export const gopMs = 400;
/** How long streams are held. */
export const holdMs = 15_000;

/** The stream of all tests. */
export const key: StreamKey = streamKey('live', 'cam1');

/** An encoder that sends as time goes by. */
export class TestEncoder {
  readonly publisher: TestPublisher;
  readonly #frames: readonly Frame[];
  readonly #startMs: number;
  #sent = 0;
  /** It sends nothing, and loses what it would have sent. */
  isSilent = false;

  constructor(publisher: TestPublisher, nowMs: number, seed: number) {
    this.publisher = publisher;
    this.#startMs = nowMs;
    this.#frames = testFrames({ seconds: 12, gopSeconds: gopMs / 1_000, videoBitrate: 50_000, seed });
  }

  /** The payloads of its keyframes and other media, as text. */
  payloads(): readonly string[] {
    return this.#frames.map(({ payload }) => payload.toString('base64'));
  }

  tick(nowMs: number): void {
    for (let frame = this.#frames[this.#sent]; frame !== undefined; frame = this.#frames[this.#sent]) {
      if (frame.timestampMs > nowMs - this.#startMs) return;
      this.#sent++;
      if (!this.isSilent) this.publisher.send(frame.kind, frame.timestampMs, frame.payload);
    }
  }
}

/** The rig. */
export class OriginRig {
  readonly clock: ManualClock = new ManualClock();
  readonly registry: MemoryStreamRegistry = new MemoryStreamRegistry({
    clock: this.clock,
    leaseMs: 1_000_000,
  });
  readonly relay: LoopRelay = new LoopRelay();
  /** Those that were started, in order. */
  readonly origins: Origin[] = [];
  readonly #encoders: TestEncoder[] = [];
  #sessions = 0;

  /** Starts an origin of that name; its relay is at `NAME:1`. */
  async origin(nodeId: string, backup?: BackupPolicy): Promise<Origin> {
    const address = `${nodeId}:1`;
    const record = testNode(nodeId, { addresses: { relay: address } });
    await this.registry.join(record);
    const origin = new Origin({
      clock: this.clock,
      logger: silentLogger,
      metrics: silentMetrics,
      registry: this.registry,
      // The token is the credential.
      access: {
        decide: ({ params }) => {
          const credential = params.get('token');
          return Promise.resolve({ allowed: true, ...(credential === undefined ? {} : { credential }) });
        },
      },
      node: refOf(nodeId),
      relayAddress: () => address,
      ring: {},
      holdMs,
      maxPublishers: 10,
      relay: this.relay,
      random: () => 0.5,
      ...(backup === undefined ? {} : { backup }),
    });
    this.relay.serve(address, origin.feed);
    this.origins.push(origin);
    return origin;
  }

  /** Offers a publisher to an origin; when it is accepted it sends from now on. */
  async publish(origin: Origin, params: Readonly<Record<string, string>> = {}): Promise<TestEncoder> {
    const publisher = new TestPublisher(key, params);
    const sessionId = String(++this.#sessions);
    await origin.publish(publisher, { sessionId, protocol: 'rtmp', remoteAddress: '192.0.2.1' });
    const encoder = new TestEncoder(publisher, this.clock.nowMs(), this.#sessions);
    this.#encoders.push(encoder);
    await this.run(0);
    return encoder;
  }

  /** Time goes by, encoders send, and what is under way arrives. */
  async run(byMs: number): Promise<void> {
    for (let leftMs = byMs; leftMs > 0; leftMs -= stepMs) {
      this.clock.advance(Math.min(stepMs, leftMs));
      for (const encoder of this.#encoders) encoder.tick(this.clock.nowMs());
      await settled();
    }
    await settled();
  }
}

/** The node of an origin of the rig. */
export function refOf(nodeId: string): NodeRef {
  return { nodeId, incarnation: `${nodeId} run 1` };
}

async function settled(): Promise<void> {
  for (let turns = 0; turns < 20; turns++) await Promise.resolve();
}
