import { streamKey, type StreamKey } from '@headwater/contracts';
import type { FailoverRegistry } from '../failover-registry.ts';
import type { NodeRecord, NodeRef } from '../node-record.ts';
import type { StreamRecord } from '../stream-record.ts';
import type {
  ClaimRequest,
  ClaimResult,
  Heartbeat,
  HeartbeatResult,
  OwnedStream,
  RegistryEvent,
  StreamRegistry,
} from '../stream-registry.ts';

/** An empty registry under test. */
export interface RegistryHarness {
  /** The lease that the registry is made with: long enough that a few calls take a small part of it. */
  readonly leaseMs: number;
  /** A client of the store; another one at each call where there can be several. */
  registry(): StreamRegistry;
  /** Lets the registry's time pass. */
  advance(byMs: number): Promise<void>;
  /** The store loses all that it holds, as when it is restarted without its data. */
  loseEverything(): Promise<void>;
  /** Remembers what the store holds; what is returned puts it back to that, as a failover does that loses writes. */
  checkpoint(): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/** A registry under test that controllers write to as well. */
export interface FailoverHarness extends RegistryHarness {
  registry(): StreamRegistry & FailoverRegistry;
}

/** Makes an empty registry for one test. */
export type MakeRegistryHarness = () => Promise<RegistryHarness>;

/** A node as tests announce it. */
export function testNode(nodeId: string, changes: Partial<NodeRecord> = {}): NodeRecord {
  return {
    nodeId,
    incarnation: `${nodeId} run 1`,
    roles: ['origin'],
    zone: 'a',
    region: 'north',
    addresses: { rtmp: '10.0.0.1:1935', relay: '10.0.0.1:50051' },
    isDraining: false,
    load: { cpu: 0, publishers: 0, viewers: 0, egressBitsPerSecond: 0 },
    ...changes,
  };
}

/** The reference of a node, as owners are recorded. */
export function refOf(node: NodeRef): NodeRef {
  return { nodeId: node.nodeId, incarnation: node.incarnation };
}

/** A claim of `live/cam1`. */
export function testClaim(owner: NodeRef, changes: Partial<ClaimRequest> = {}): ClaimRequest {
  return {
    stream: streamKey('live', 'cam1'),
    owner: refOf(owner),
    relayAddress: '10.0.0.1:50051',
    ...changes,
  };
}

/** A stream as its owner reports it, made from the record of its claim. */
export function ownedStream(record: StreamRecord, changes: Partial<OwnedStream> = {}): OwnedStream {
  const { epoch, relayAddress, credential, codecs, sinceMs } = record;
  return {
    epoch,
    state: 'live',
    relayAddress,
    ...(credential === undefined ? {} : { credential }),
    codecs,
    sinceMs,
    ...changes,
  };
}

/** A heartbeat that names the streams of these records, or of these keys with an epoch. */
export function testBeat(
  node: NodeRecord,
  owned: Iterable<StreamRecord | readonly [StreamKey, number | OwnedStream]> = [],
): Heartbeat {
  const streams = new Map<StreamKey, OwnedStream>();
  for (const item of owned) {
    if ('stream' in item) streams.set(item.stream, ownedStream(item));
    else streams.set(item[0], typeof item[1] === 'number' ? plainStream(item[1]) : item[1]);
  }
  return { node: refOf(node), load: node.load, isDraining: node.isDraining, owned: streams };
}

function plainStream(epoch: number): OwnedStream {
  return { epoch, state: 'live', relayAddress: '10.0.0.1:50051', codecs: [], sinceMs: epoch };
}

/** What a heartbeat is answered with when all is well. */
export const renewed: HeartbeatResult = { outcome: 'renewed', lost: [], surplus: new Map() };

/** The record of a claim that must have succeeded. */
export function claimedRecord(result: ClaimResult): StreamRecord {
  if (result.outcome === 'claimed') return result.record;
  throw new Error(
    `claim was refused in favour of ${result.current.owner.nodeId}, epoch ${result.current.epoch}`,
  );
}

/** The events that a watch hears, made sure that it listens. */
export class EventLog {
  readonly #events: RegistryEvent[] = [];

  /** Watches, and returns once the watch is known to hear. */
  static async open(registry: StreamRegistry): Promise<EventLog> {
    const log = new EventLog();
    registry.watch((event) => log.#events.push(event));
    const marker = testNode('watch-marker');
    await pollUntil('the watch to hear', async () => {
      await registry.join(marker);
      return log.#events.length > 0;
    });
    return log;
  }

  /** What was heard so far, shortened to what tests compare; the marker of `open` left out. */
  get heard(): readonly string[] {
    return this.#events.map(describeEvent).filter((text) => !text.includes('watch-marker'));
  }

  /** Resolves when that has been heard. */
  async until(text: string): Promise<void> {
    await pollUntil(`${text} to be heard`, () => this.heard.includes(text));
  }
}

/** Looks again and again, for up to 5 s. */
export async function pollUntil(reason: string, isMet: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!(await isMet())) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${reason}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function describeEvent(event: RegistryEvent): string {
  if ('record' in event) {
    const { stream, owner, state, epoch } = event.record;
    return `${event.type} ${stream} ${state} ${owner.nodeId} ${epoch}`;
  }
  return `${event.type} ${event.node.incarnation}`;
}
