// Records as the store keeps them: JSON of texts, so that scripts need not care about numbers. What comes back was
// written by anybody, so it is checked, and undefined when it is not a record.
import { AppError, parseStreamKey, type StreamKey } from '@headwater/contracts';
import { decodeOptionalParts } from '../node-record-parts.ts';
import type { NodeLoad, NodeRecord, NodeRef, NodeRole } from '../node-record.ts';
import type { Standby, StreamRecord, StreamState } from '../stream-record.ts';
import type { OwnedStream } from '../stream-registry.ts';
import type { UpstreamReport } from '../upstream-reports.ts';

/** No record is larger than this; larger ones found in the store are ignored. */
export const maxRecordBytes = 16_384;

const roles: readonly string[] = ['origin', 'edge', 'controller', 'router'] satisfies NodeRole[];
const states: readonly string[] = ['live', 'interrupted', 'orphaned', 'ended'] satisfies StreamState[];
const addressNames = ['rtmp', 'http', 'admin', 'relay'] as const;

/** What stays the same from beat to beat. */
export function encodeAnnouncement(node: NodeRecord): string {
  const { nodeId, incarnation, roles, zone, region, addresses } = node;
  const { coordinates, publicUrls, capacity } = node;
  const parts = { nodeId, incarnation, roles, zone, region, addresses, coordinates, publicUrls, capacity };
  return sized(JSON.stringify(parts), 'node');
}

/** What changes: draining as one digit that scripts can read, then the load. */
export function encodeBeat(load: NodeLoad, isDraining: boolean): string {
  return `${isDraining ? '1' : '0'}${JSON.stringify(load)}`;
}

/** A node of its two parts. */
export function decodeNode(announcement: string, beat: string): NodeRecord | undefined {
  const node = parseObject(announcement);
  const load = decodeLoad(parseObject(beat.slice(1)));
  if (node === undefined || load === undefined) return undefined;
  const { nodeId, incarnation, zone, region } = node;
  const addresses = decodeAddresses(node['addresses']);
  const parts = decodeOptionalParts(node);
  if (typeof nodeId !== 'string' || typeof incarnation !== 'string') return undefined;
  if (addresses === undefined || parts === undefined) return undefined;
  if (typeof zone !== 'string' || typeof region !== 'string' || !areTexts(node['roles'])) return undefined;
  const known = node['roles'].filter((role): role is NodeRole => roles.includes(role));
  return {
    nodeId,
    incarnation,
    roles: known,
    zone,
    region,
    addresses,
    ...parts,
    isDraining: beat.startsWith('1'),
    load,
  };
}

/** A stream as its owner asserts it. */
export function encodeOwned(owner: NodeRef, owned: OwnedStream): string {
  const { epoch, state, relayAddress, credential, codecs, sinceMs } = owned;
  const record = {
    owner: owner.nodeId,
    run: owner.incarnation,
    epoch: String(epoch),
    state,
    relay: relayAddress,
    credential,
    codecs: encodeCodecs(codecs),
    since: String(Math.floor(sinceMs)),
  };
  return sized(JSON.stringify(record), 'stream');
}

/** The node that follows a stream, as one text; '' for nobody. */
export function encodeStandby(standby: Standby | undefined): string {
  if (standby === undefined) return '';
  const { nodeId, incarnation, relayAddress, publishes } = standby;
  return sized(JSON.stringify({ node: nodeId, run: incarnation, relay: relayAddress, publishes }), 'standby');
}

/** An edge's report, as one text. */
export function encodeReport({ node, loss, reporter }: UpstreamReport): string {
  return sized(JSON.stringify({ node: node.nodeId, run: node.incarnation, loss, reporter }), 'report');
}

/** A report of its text. */
export function decodeReport(text: string): UpstreamReport | undefined {
  const { node, run, loss, reporter } = parseObject(text) ?? {};
  if (typeof node !== 'string' || typeof run !== 'string' || typeof reporter !== 'string') return undefined;
  if (loss !== 'broken' && loss !== 'stalled') return undefined;
  return { node: { nodeId: node, incarnation: run }, loss, reporter };
}

/** The names of codecs, as one text. */
export function encodeCodecs(codecs: readonly string[]): string {
  return sized(JSON.stringify(codecs), 'codecs');
}

/** A stream of its key and its record. */
export function decodeStream(key: string, text: string): StreamRecord | undefined {
  const stream = decodeKey(key);
  const record = parseObject(text);
  if (stream === undefined || record === undefined) return undefined;
  const { owner, run, relay, state, credential } = record;
  const epoch = wholeNumber(record['epoch']);
  const sinceMs = wholeNumber(record['since']);
  const standby = decodeStandby(record['standby']);
  const codecs = typeof record['codecs'] === 'string' ? parseJson(record['codecs']) : undefined;
  if (typeof owner !== 'string' || typeof run !== 'string' || typeof relay !== 'string') return undefined;
  if (epoch === undefined || sinceMs === undefined || !isState(state)) return undefined;
  return {
    stream,
    owner: { nodeId: owner, incarnation: run },
    relayAddress: relay,
    epoch,
    state,
    ...(typeof credential === 'string' ? { credential } : {}),
    codecs: areTexts(codecs) ? codecs : [],
    ...(standby === undefined ? {} : { standby }),
    sinceMs,
  };
}

/** A stream's key, when it is one. */
export function decodeKey(key: string): StreamKey | undefined {
  try {
    return parseStreamKey(key);
  } catch {
    return undefined;
  }
}

/** Throws `request_malformed` when a text is longer than a record may be. */
export function sized(text: string, what: string): string {
  const bytes = Buffer.byteLength(text);
  if (bytes <= maxRecordBytes / 2) return text;
  throw new AppError('request_malformed', { details: { what, bytes, maxBytes: maxRecordBytes / 2 } });
}

function decodeStandby(text: unknown): Standby | undefined {
  const standby = typeof text === 'string' ? parseObject(text) : undefined;
  if (standby === undefined) return undefined;
  const { node, run, relay, publishes } = standby;
  if (typeof node !== 'string' || typeof run !== 'string' || typeof relay !== 'string') return undefined;
  const appointed = { nodeId: node, incarnation: run, relayAddress: relay };
  return publishes === true ? { ...appointed, publishes } : appointed;
}

function decodeLoad(load: Record<string, unknown> | undefined): NodeLoad | undefined {
  if (load === undefined) return undefined;
  const { cpu, publishers, viewers, egressBitsPerSecond, overload } = load;
  if (!isCount(cpu) || !isCount(publishers) || !isCount(viewers) || !isCount(egressBitsPerSecond)) {
    return undefined;
  }
  const counts = { cpu, publishers, viewers, egressBitsPerSecond };
  return typeof overload === 'string' ? { ...counts, overload } : counts;
}

function decodeAddresses(value: unknown): NodeRecord['addresses'] | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const addresses: Partial<Record<(typeof addressNames)[number], string>> = {};
  for (const name of addressNames) {
    const address = (value as Record<string, unknown>)[name];
    if (typeof address === 'string') addresses[name] = address;
    else if (address !== undefined) return undefined;
  }
  return addresses;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The object that a text is as JSON; undefined when it is none. */
export function parseObject(text: string): Record<string, unknown> | undefined {
  const value = parseJson(text);
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
}

/** A whole number of 0 or more that was kept as a text. */
export function wholeNumber(value: unknown): number | undefined {
  if (typeof value !== 'string' || !/^\d{1,16}$/.test(value)) return undefined;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : undefined;
}

function areTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function isState(value: unknown): value is StreamState {
  return typeof value === 'string' && states.includes(value);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
