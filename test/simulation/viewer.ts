// A viewer of one stream at one edge: comes, watches, comes again when it was sent away, and checks every frame that it
// is written.
import type { StreamKey } from '@headwater/contracts';
import type { Viewer } from '@headwater/edge';
import type { EdgeNode } from './edge-node.ts';
import { seenFormat, seenFrames, type SeenFrame } from './frame-bytes.ts';
import type { Surroundings } from './surroundings.ts';

/** What a viewer has seen last. */
interface Place {
  epoch: number;
  index: number;
  timestampMs: number;
  headerSession: number;
}

/** Watches for as long as it wants to. */
export class SimulatedViewer {
  readonly stream: StreamKey;
  readonly edge: EdgeNode;
  readonly name: string;
  readonly #world: Surroundings;
  #visit: Visit | undefined;
  #visits = 0;
  #isWanted = true;

  constructor(world: Surroundings, edge: EdgeNode, stream: StreamKey) {
    this.#world = world;
    this.edge = edge;
    this.stream = stream;
    this.name = `viewer of ${stream} at ${edge.name}`;
    this.#comeSoon();
  }

  get isWanted(): boolean {
    return this.#isWanted;
  }

  /** The epoch that it saw a frame of, and when; undefined before the first. */
  get seen(): { readonly epoch: number; readonly atMs: number } | undefined {
    return this.#visit?.seen;
  }

  come(): void {
    if (this.#isWanted) return;
    this.#isWanted = true;
    this.#comeSoon();
  }

  leave(): void {
    this.#isWanted = false;
    this.#visit?.leave();
    this.#visit = undefined;
  }

  #comeSoon(): void {
    this.#world.clock.after(200 + 1_000 * this.#world.random.next(), () => {
      this.#come();
    });
  }

  #come(): void {
    if (!this.#isWanted || this.#visit !== undefined) return;
    const { process, edge } = this.edge;
    if (process.state === 'dead') {
      this.#comeSoon();
      return;
    }
    const visit = new Visit(this.#world, this.name, this.stream);
    this.#visit = visit;
    const over = (): void => {
      process.onDeath.delete(over);
      if (this.#visit !== visit) return;
      this.#visit = undefined;
      if (this.#isWanted) this.#comeSoon();
    };
    process.onDeath.add(over);
    const [app = '', name = ''] = this.stream.split('/');
    const sessionId = `${this.name} ${this.#visits++}`;
    process.deliver(() => {
      const context = { sessionId, protocol: 'http-flv', remoteAddress: '' } as const;
      const request = { app, name, params: new Map<string, string>(), context, signal: visit.signal };
      edge.admit(request).then((viewer) => {
        visit.admitted(viewer, over);
      }, over);
    });
  }
}

/** One stay of a viewer at its edge. */
class Visit {
  readonly #world: Surroundings;
  readonly #name: string;
  readonly #stream: StreamKey;
  readonly #abort = new AbortController();
  readonly #place: Place = { epoch: 0, index: -1, timestampMs: -1, headerSession: -1 };
  #viewer: Viewer | undefined;
  #seenAtMs: number | undefined;
  #hasLeft = false;

  constructor(world: Surroundings, name: string, stream: StreamKey) {
    this.#world = world;
    this.#name = name;
    this.#stream = stream;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get seen(): { readonly epoch: number; readonly atMs: number } | undefined {
    return this.#seenAtMs === undefined ? undefined : { epoch: this.#place.epoch, atMs: this.#seenAtMs };
  }

  admitted(viewer: Viewer, over: () => void): void {
    this.#viewer = viewer;
    if (this.#hasLeft) {
      viewer.close('client_closed');
      return;
    }
    viewer.onEnded = (reason) => {
      if (this.#world.isTracing) this.#world.trace(`${this.#name} ended: ${reason}`);
      over();
    };
    const sink = {
      pendingBytes: 0,
      write: (bytes: Buffer) => {
        for (const frame of seenFrames(bytes)) this.#look(frame);
      },
    };
    viewer.deliver({ format: seenFormat, sink, from: 'keyframe' });
  }

  leave(): void {
    this.#hasLeft = true;
    this.#abort.abort();
    this.#viewer?.close('client_closed');
  }

  #look(frame: SeenFrame): void {
    const place = this.#place;
    const taken = this.#world.ledger.taken(frame.session, frame.index);
    if (taken?.stream !== this.#stream) {
      this.#violated(`saw a frame of session ${frame.session}, which is none of its stream`);
      return;
    }
    const { epoch } = taken;
    if (epoch < place.epoch) this.#violated(`saw epoch ${epoch} after epoch ${place.epoch}`);
    if (frame.timestampMs < place.timestampMs) this.#violated(`saw time go back in epoch ${epoch}`);
    place.timestampMs = frame.timestampMs;
    if (frame.role === 'header') {
      place.headerSession = frame.session;
      return;
    }
    const isNewEpoch = epoch > place.epoch;
    if (place.headerSession !== frame.session) this.#violated(`saw epoch ${epoch} without its header`);
    if (!isNewEpoch && frame.index <= place.index) {
      this.#violated(`saw message ${frame.index} of epoch ${epoch} after message ${place.index}`);
    }
    const isNext = !isNewEpoch && frame.index === place.index + 1;
    if (!isNext && frame.role !== 'keyframe') {
      this.#violated(`saw message ${frame.index} of epoch ${epoch}, which nothing leads to`);
    }
    place.epoch = epoch;
    place.index = frame.index;
    this.#seenAtMs = this.#world.clock.nowMs();
    if (isNewEpoch && this.#world.isTracing) this.#world.trace(`${this.#name} sees epoch ${epoch}`);
  }

  #violated(what: string): void {
    this.#world.ledger.violated(`${this.#name} ${what}`);
  }
}
