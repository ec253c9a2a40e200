import { AppError, parseStreamKey, silentLogger, type StreamKey } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import type { NodeRecord, StreamRecord } from '@headwater/cluster';
import type { Frame } from '@headwater/media';
import type { PulledState, PullHandler, PullRequest } from '@headwater/relay';
import type { ShieldMode } from '../upstream-target.ts';
import { upstreamCandidates } from '../upstream-candidates.ts';
import { Upstream } from '../upstream.ts';

const stream: StreamKey = parseStreamKey('live/cam1');

/** A pull whose answers the test gives. */
export interface ScriptedPull {
  readonly address: string;
  readonly request: Omit<PullRequest, 'nodeId'>;
  readonly handler: PullHandler;
  isClosed: boolean;
}

/** One upstream of `live/cam1`, with a look-up and pulls that are the test's. */
export class UpstreamRig {
  readonly clock: ManualClock = new ManualClock();
  readonly pulls: ScriptedPull[] = [];
  /** What the listener heard. */
  readonly heard: string[] = [];
  /** Owners that were reported, and how. */
  readonly reported: string[] = [];
  /** Kinds of upstream in the order of their openings, a `!` where it was a switch. */
  readonly openings: string[] = [];
  readonly upstream: Upstream;
  /** The nodes that the edge knows. */
  nodes: readonly NodeRecord[] = [];
  /** Whether the edge pulls through a shield where there is one. */
  shield: ShieldMode = 'off';
  /** Whether other edges pull through it. */
  isAsked = false;
  /** What a look-up says. */
  find: () => Promise<StreamRecord | undefined> = async () => Promise.resolve(undefined);

  constructor() {
    const { clock } = this;
    this.upstream = new Upstream({
      stream,
      clock,
      find: async () => this.find(),
      candidates: (record, failed) =>
        upstreamCandidates({
          record,
          failed,
          nodes: this.nodes,
          self: { nodeId: 'edge-1', zone: '', region: '' },
          shield: this.shield,
          isAsked: this.isAsked,
        }),
      relay: {
        pull: (address, request, handler) => {
          const pull = { address, request, handler, isClosed: false };
          this.pulls.push(pull);
          return { close: () => void (pull.isClosed = true) };
        },
      },
      logger: silentLogger,
      listener: {
        opened: ({ epoch }) => this.heard.push(`opened ${String(epoch)}`),
        frames: (epoch, frames) =>
          this.heard.push(`frames ${String(epoch)} ${frames.map(({ sequence }) => sequence).join()}`),
        state: (state) => this.heard.push(state),
        lost: () => this.heard.push('lost'),
        // What becomes of it is told by those who wait for the stream: see edge.test.ts.
        absent: () => undefined,
        ended: (reason) => this.heard.push(`ended ${reason}`),
        refused: ({ code }) => this.heard.push(`refused ${code}`),
      },
      reportLoss: ({ nodeId }, loss) => this.reported.push(`${nodeId} ${loss}`),
      pullOpened: (kind, isSwitch) => this.openings.push(`${kind}${isSwitch ? '!' : ''}`),
      random: () => 0.5,
    });
  }

  /** The newest pull. */
  get last(): ScriptedPull {
    const pull = this.pulls.at(-1);
    if (pull === undefined) throw new Error('nothing was pulled');
    return pull;
  }

  /** Where the pulls went, in order. */
  get addresses(): string[] {
    return this.pulls.map(({ address }) => address);
  }

  /** What was heard since the last call. */
  news(): string[] {
    return this.heard.splice(0);
  }

  /** The newest pull opens. */
  opened(epoch: number, firstSequence = 0, state: PulledState = 'live'): void {
    const resumed = this.last.request.resume?.sequence === firstSequence;
    this.last.handler.opened({ epoch, firstSequence, resumed, state });
  }

  /** The newest pull brings frames: the first a keyframe, where asked to. */
  frames(from: number, to: number, first: Frame['role'] = 'media'): void {
    const numbers = Array.from({ length: to - from }, (_, index) => from + index);
    this.last.handler.frames(
      numbers.map((sequence) => testFrame(sequence, sequence === from ? first : 'media')),
    );
  }

  /** The newest pull's connection breaks, or cannot be made. */
  cut(): void {
    this.last.handler.failed(new AppError('upstream_unavailable'));
  }

  /** The newest pull is refused. */
  refuse(): void {
    this.last.handler.failed(new AppError('stream_not_found'));
  }

  /** Lets look-ups come back. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  }

  /** Time passes, and what it sets off comes to its end. */
  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await this.settle();
  }
}

/** A record of `live/cam1`, owned by `origin-<epoch>`. */
export function testRecord(epoch: number, changes: Partial<StreamRecord> = {}): StreamRecord {
  return {
    stream,
    owner: { nodeId: `origin-${String(epoch)}`, incarnation: 'run' },
    relayAddress: `origin-${String(epoch)}:1`,
    epoch,
    state: 'live',
    codecs: [],
    sinceMs: 0,
    ...changes,
  };
}

/** A frame with that number. */
export function testFrame(sequence: number, role: Frame['role'] = 'media'): Frame {
  return { kind: 'video', role, sequence, timestampMs: sequence * 40, payload: Buffer.from([0x27, 1]) };
}
