// An origin and an edge in one process, joined by the real relay over a loopback socket and the real embedded registry,
// with a clock that a test moves by hand.
import { setTimeout as delay } from 'node:timers/promises';
import { silentLogger, silentMetrics, type CloseReason } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { MemoryStreamRegistry } from '@headwater/cluster';
import { Edge, type Viewer } from '@headwater/edge';
import { defaultBacklogLimits, immediateFlushPlan, FlvReader, flvFormat, type Frame } from '@headwater/media';
import { RecordingSink, testFrames } from '@headwater/media/testing';
import { Origin } from '@headwater/origin';
import { TestPublisher } from '@headwater/origin/testing';
import { RelayClient, RelayServer } from '@headwater/relay';
import { CuttableProxy } from '@headwater/relay/testing';
import { waitUntil } from './wait-until.ts';

/** Times of a pair, in ms. */
export const pairTimes = { holdMs: 15_000, lingerMs: 20_000, waitForStreamMs: 10_000 } as const;

/** What an edge is told that has an origin and no other edge. */
export const loneEdge = {
  ...pairTimes,
  ring: {},
  flushPlan: immediateFlushPlan,
  backlog: defaultBacklogLimits,
  defaultLatency: 'normal',
  overload: () => undefined,
  node: { nodeId: 'edge-1', zone: '', region: '' },
  nodes: () => [],
  hasPeers: false,
  reportLoss: () => undefined,
  random: () => 0.5,
} as const;

const originNode = { nodeId: 'origin-1', incarnation: 'run-1' };
const access = {
  decide: ({ params }: { readonly params: ReadonlyMap<string, string> }) => {
    const credential = params.get('token');
    return Promise.resolve({ allowed: true as const, ...(credential === undefined ? {} : { credential }) });
  },
};

/** One tag as a viewer got it. */
export interface SeenFrame {
  readonly kind: Frame['kind'];
  readonly timestampMs: number;
  readonly payload: Buffer;
}

/** A viewer that keeps what it sees. */
export class PairViewer {
  readonly ends: CloseReason[] = [];
  readonly sink = new RecordingSink();
  readonly viewer: Viewer;

  constructor(viewer: Viewer) {
    this.viewer = viewer;
    viewer.onEnded = (reason) => this.ends.push(reason);
    viewer.deliver({ format: flvFormat, sink: this.sink, from: 'keyframe' });
  }

  /** Everything it got so far, in order. */
  seen(): SeenFrame[] {
    const frames: SeenFrame[] = [];
    const reader = new FlvReader();
    for (const bytes of this.sink.writes) reader.read(bytes, (tag) => frames.push(tag));
    return frames;
  }
}

/** The pair; `close` ends everything. */
export class StreamingPair {
  readonly clock = new ManualClock();
  readonly registry = new MemoryStreamRegistry({ clock: this.clock, leaseMs: 10_000_000 });
  readonly origin: Origin;
  readonly edge: Edge;
  readonly #server: RelayServer;
  readonly #client: RelayClient;
  #proxy: CuttableProxy | undefined;
  #relayAddress = '';
  #sessions = 0;

  private constructor() {
    const shared = { clock: this.clock, logger: silentLogger, metrics: silentMetrics };
    this.origin = new Origin({
      ...shared,
      registry: this.registry,
      access,
      node: originNode,
      relayAddress: () => this.#relayAddress,
      ring: {},
      holdMs: pairTimes.holdMs,
      maxPublishers: 100,
    });
    this.#server = new RelayServer({
      ...shared,
      source: this.origin.feed,
      probe: () => ({ ...originNode, isDraining: false }),
    });
    this.#client = new RelayClient({ ...shared, nodeId: 'edge-1' });
    this.edge = new Edge({
      ...shared,
      ...loneEdge,
      registry: this.registry,
      relay: this.#client,
      access,
      maxViewers: 100,
      maxStreams: 100,
    });
  }

  static async start(): Promise<StreamingPair> {
    const pair = new StreamingPair();
    const { address } = await pair.#server.start('127.0.0.1', 0);
    pair.#proxy = await CuttableProxy.start(address);
    pair.#relayAddress = pair.#proxy.address;
    await pair.registry.join({
      ...originNode,
      roles: ['origin'],
      zone: 'a',
      region: 'r',
      addresses: { relay: pair.#relayAddress },
      isDraining: false,
      load: { cpu: 0, publishers: 0, viewers: 0, egressBitsPerSecond: 0 },
    });
    return pair;
  }

  /** How many pulls the origin serves. */
  get pulls(): number {
    return this.#server.pulls;
  }

  /** Cuts the relay's connections; new ones pass. */
  cutRelay(): void {
    this.#proxy?.cut();
  }

  /** Lets time pass in steps small enough for the relay to answer in between. */
  async pass(ms: number): Promise<void> {
    for (let passedMs = 0; passedMs < ms; passedMs += 100) {
      this.clock.advance(100);
      await delay(1);
    }
  }

  async publish(key: string, token?: string): Promise<TestPublisher> {
    const publisher = new TestPublisher(key, token === undefined ? {} : { token });
    const sessionId = `publisher-${String(++this.#sessions)}`;
    await this.origin.publish(publisher, { sessionId, protocol: 'rtmp', remoteAddress: '192.0.2.1' });
    return publisher;
  }

  /** Asks for a stream; rejects as the edge does. */
  async watch(key: string, signal: AbortSignal = new AbortController().signal): Promise<PairViewer> {
    const [app = '', name = ''] = key.split('/');
    const sessionId = `viewer-${String(++this.#sessions)}`;
    const context = { sessionId, protocol: 'http-flv' as const, remoteAddress: '192.0.2.2' };
    return new PairViewer(await this.edge.admit({ app, name, params: new Map(), context, signal }));
  }

  async close(): Promise<void> {
    this.edge.close();
    this.origin.close();
    this.#client.close();
    await this.#server.stop(100);
    await this.#proxy?.stop();
    await this.registry.close();
  }
}

/** Generated frames without metadata, sent by `send` in order. */
export function framesFrom(startTimestampMs: number, seed = 1): Frame[] {
  return testFrames({ seconds: 2, gopSeconds: 1, hasMetadata: false, startTimestampMs, seed });
}

/** Sends frames as a publisher. */
export function send(publisher: TestPublisher, frames: readonly Frame[]): void {
  for (const { kind, timestampMs, payload } of frames) publisher.send(kind, timestampMs, payload);
}

/** Resolves when the viewer has seen that payload; lets time pass for frames that wait to be merged with others. */
export async function sees(pair: StreamingPair, viewer: PairViewer, frame: Frame | undefined): Promise<void> {
  await waitUntil('the viewer sees the frame', () => {
    pair.clock.advance(20);
    return viewer.seen().some(({ payload }) => frame?.payload.equals(payload) === true);
  });
}
