// What watchers have been told so far. When events were missed, the differences to a full listing make them up.
import type { StreamKey } from '@headwater/contracts';
import { isSameRun, isSameStandby } from '../ownership.ts';
import type { NodeRecord } from '../node-record.ts';
import type { StreamRecord } from '../stream-record.ts';
import type { RegistryEvent } from '../stream-registry.ts';

/** All nodes and streams of one moment. */
export interface RegistryListing {
  readonly nodes: readonly NodeRecord[];
  readonly streams: readonly StreamRecord[];
}

/** The registry as watchers know it. */
export class RegistryMirror {
  readonly #nodes = new Map<string, NodeRecord>();
  readonly #streams = new Map<StreamKey, StreamRecord>();

  /** Takes an event; false when it says nothing new, or less than is known, and watchers need not hear it. */
  apply(event: RegistryEvent): boolean {
    switch (event.type) {
      case 'stream_claimed':
        return this.#claimed(event.record);
      case 'stream_updated':
        if (this.#isOlder(event.record)) return false;
        this.#streams.set(event.record.stream, event.record);
        return true;
      case 'stream_ended':
        if (this.#isOlder(event.record)) return false;
        this.#streams.delete(event.record.stream);
        return true;
      case 'node_joined': {
        const known = this.#nodes.get(event.node.nodeId);
        this.#nodes.set(event.node.nodeId, event.node);
        return known === undefined || !isSameNode(known, event.node);
      }
      case 'node_updated':
        this.#nodes.set(event.node.nodeId, event.node);
        return true;
      case 'node_left': {
        const known = this.#nodes.get(event.node.nodeId);
        if (known !== undefined && isSameRun(known, event.node)) this.#nodes.delete(event.node.nodeId);
        return true;
      }
    }
  }

  /**
   * Takes a listing; returns the events that lead there, in an order in which they could have happened. With `keepsAbsent`
   * what is not listed, or at a lower epoch, stays: its owner may be about to restore it.
   */
  merge(listing: RegistryListing, options: { readonly keepsAbsent: boolean }): RegistryEvent[] {
    const events: RegistryEvent[] = [];
    if (!options.keepsAbsent) {
      const nodes = new Map(listing.nodes.map((node) => [node.nodeId, node]));
      for (const node of this.#nodes.values()) {
        const listed = nodes.get(node.nodeId);
        if (listed === undefined || !isSameRun(listed, node)) {
          events.push({ type: 'node_left', node: { nodeId: node.nodeId, incarnation: node.incarnation } });
        }
      }
      const streams = new Map(listing.streams.map((record) => [record.stream, record]));
      for (const record of this.#streams.values()) {
        const listed = streams.get(record.stream);
        if (listed === undefined) {
          events.push({ type: 'stream_ended', record: { ...record, state: 'ended', relayAddress: '' } });
        } else if (this.#isOlder(listed)) {
          this.#streams.delete(record.stream);
        }
      }
    }
    for (const node of listing.nodes) {
      const known = this.#nodes.get(node.nodeId);
      if (known === undefined || !isSameRun(known, node)) events.push({ type: 'node_joined', node });
      else if (!isSameNode(known, node)) events.push({ type: 'node_updated', node });
    }
    for (const record of [...listing.streams].sort((a, b) => a.epoch - b.epoch)) {
      const known = this.#streams.get(record.stream);
      if (known !== undefined && isSameTitle(known, record)) {
        if (!isEqual(known, record)) events.push({ type: 'stream_updated', record });
      } else events.push({ type: 'stream_claimed', record });
    }
    return events.filter((event) => this.apply(event));
  }

  #claimed(record: StreamRecord): boolean {
    const known = this.#streams.get(record.stream);
    if (this.#isOlder(record) || (known !== undefined && isEqual(known, record))) return false;
    this.#streams.set(record.stream, record);
    return true;
  }

  #isOlder(record: StreamRecord): boolean {
    return record.epoch < (this.#streams.get(record.stream)?.epoch ?? 0);
  }
}

function isSameTitle(a: StreamRecord, b: StreamRecord): boolean {
  return a.epoch === b.epoch && isSameRun(a.owner, b.owner);
}

function isEqual(a: StreamRecord, b: StreamRecord): boolean {
  return (
    isSameTitle(a, b) &&
    a.state === b.state &&
    a.relayAddress === b.relayAddress &&
    a.codecs.join('\n') === b.codecs.join('\n') &&
    isSameStandby(a.standby, b.standby)
  );
}

/** Load aside, which no event tells of. */
function isSameNode(a: NodeRecord, b: NodeRecord): boolean {
  const plain = (node: NodeRecord): string => JSON.stringify({ ...node, load: undefined });
  return plain(a) === plain(b);
}
