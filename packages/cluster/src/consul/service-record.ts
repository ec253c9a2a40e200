// A node as a Consul service: what it is goes into the metadata, one short text a key. Consul's limits: 64 keys, values of
// 512 characters. Reading trusts nothing, since anybody with a token for the service may write there.
import { decodeOptionalParts, type OptionalParts } from '../node-record-parts.ts';
import type { NodeLoad, NodeRecord, NodeRole } from '../node-record.ts';
import type { ConsulService } from './consul-client.ts';

/** The version of the metadata; others are ignored. */
const format = '1';
const roles: readonly NodeRole[] = ['origin', 'edge', 'controller', 'router'];
const addressKinds = ['rtmp', 'http', 'admin', 'relay'] as const;

/** The registration of a node. The id carries the incarnation, so that a run never deregisters its successor. */
export function toService(node: NodeRecord, options: { name: string; ttlMs: number }): ConsulService {
  const { name, ttlMs } = options;
  const address = node.addresses.relay ?? node.addresses.rtmp ?? node.addresses.http;
  return {
    id: `${name}-${node.nodeId}-${node.incarnation}`,
    name,
    tags: [...node.roles],
    meta: toMeta(node),
    ...(address === undefined ? {} : toHostAndPort(address)),
    ttlMs,
  };
}

/** A node with where its Consul is: network coordinates belong to Consul's machines, not to services. */
export interface ConsulPlace {
  readonly datacenter: string;
  readonly machine: string;
}

/** One entry of Consul's list, as far as it could be understood. */
export type ConsulEntry =
  | {
      readonly outcome: 'alive';
      readonly node: NodeRecord;
      readonly place: ConsulPlace;
      readonly order: number;
    }
  | { readonly outcome: 'dead' }
  | { readonly outcome: 'ignored'; readonly serviceId: string; readonly problem: string };

/**
 * Reads an entry of `/v1/health/service`. Alive is what fails no check; one that is in Consul's maintenance mode and fails
 * nothing else counts as draining. `order` grows with the time of registration within a datacenter.
 */
export function fromEntry(entry: unknown): ConsulEntry {
  const service = fieldOf(entry, 'Service');
  const serviceId = shortened(fieldOf(service, 'ID'));
  try {
    const failing = failingChecks(fieldOf(entry, 'Checks'));
    if (failing.some((check) => !isMaintenance(check))) return { outcome: 'dead' };
    const node = fromMeta(fieldOf(service, 'Meta'));
    const machine = fieldOf(entry, 'Node');
    return {
      outcome: 'alive',
      node: failing.length === 0 ? node : { ...node, isDraining: true },
      place: {
        datacenter: textOf(machine, 'Datacenter', isName),
        machine: textOf(machine, 'Node', isName),
      },
      order: numberOf(service, 'CreateIndex'),
    };
  } catch (caught) {
    return {
      outcome: 'ignored',
      serviceId,
      problem: caught instanceof Error ? caught.message : 'unreadable',
    };
  }
}

/** Whether a change of load is worth a write to all of Consul: a twentieth of a core, or of the value it had. */
export function isLoadNews(before: NodeLoad, now: NodeLoad): boolean {
  const counts = ['publishers', 'viewers', 'egressBitsPerSecond'] as const;
  return (
    before.overload !== now.overload ||
    Math.abs(before.cpu - now.cpu) >= 0.05 ||
    counts.some((key) => Math.abs(before[key] - now[key]) > before[key] * 0.05)
  );
}

function toMeta(node: NodeRecord): Record<string, string> {
  const meta: Record<string, string> = {
    format,
    node_id: node.nodeId,
    incarnation: node.incarnation,
    roles: node.roles.join(','),
    zone: node.zone,
    region: node.region,
    draining: String(node.isDraining),
    load_cpu: String(node.load.cpu),
    load_publishers: String(node.load.publishers),
    load_viewers: String(node.load.viewers),
    load_egress_bps: String(node.load.egressBitsPerSecond),
  };
  for (const kind of addressKinds) {
    const address = node.addresses[kind];
    if (address !== undefined) meta[`address_${kind}`] = address;
  }
  return { ...meta, ...optionalMeta(node) };
}

function optionalMeta({ coordinates, publicUrls, capacity, load }: NodeRecord): Record<string, string> {
  const parts = {
    coordinates: coordinates && JSON.stringify(coordinates),
    public_urls: publicUrls && JSON.stringify(publicUrls),
    capacity: capacity && JSON.stringify(capacity),
    load_overload: load.overload,
  };
  const present = Object.entries(parts).filter((part): part is [string, string] => part[1] !== undefined);
  return Object.fromEntries(present);
}

function fromMeta(meta: unknown): NodeRecord {
  textOf(meta, 'format', (text) => text === format);
  const addresses: Partial<Record<(typeof addressKinds)[number], string>> = {};
  for (const kind of addressKinds) {
    if (fieldOf(meta, `address_${kind}`) === undefined) continue;
    addresses[kind] = textOf(meta, `address_${kind}`, (text) => /^\S{1,255}:\d{1,5}$/.test(text));
  }
  const overload = fieldOf(meta, 'load_overload');
  const listed = textOf(meta, 'roles', (text) => /^[a-z,]{0,256}$/.test(text)).split(',');
  return {
    nodeId: textOf(meta, 'node_id', isName),
    incarnation: textOf(meta, 'incarnation', isName),
    // A role of a later version is no reason to ignore the node.
    roles: roles.filter((role) => listed.includes(role)),
    zone: textOf(meta, 'zone', isLabel),
    region: textOf(meta, 'region', isLabel),
    addresses,
    ...optionalPartsOf(meta),
    isDraining: textOf(meta, 'draining', (text) => text === 'true' || text === 'false') === 'true',
    load: {
      cpu: amountOf(meta, 'load_cpu'),
      publishers: amountOf(meta, 'load_publishers'),
      viewers: amountOf(meta, 'load_viewers'),
      egressBitsPerSecond: amountOf(meta, 'load_egress_bps'),
      ...(typeof overload === 'string' && isLabel(overload) ? { overload } : {}),
    },
  };
}

function optionalPartsOf(meta: unknown): OptionalParts {
  const values = {
    coordinates: jsonOf(meta, 'coordinates'),
    publicUrls: jsonOf(meta, 'public_urls'),
    capacity: jsonOf(meta, 'capacity'),
  };
  const parts = decodeOptionalParts(values);
  if (parts === undefined) throw new Error('coordinates, public_urls or capacity is not valid');
  return parts;
}

function jsonOf(meta: unknown, key: string): unknown {
  if (fieldOf(meta, key) === undefined) return undefined;
  return JSON.parse(textOf(meta, key, isLabel));
}

function failingChecks(checks: unknown): string[] {
  if (!Array.isArray(checks)) throw new Error('Checks is not a list');
  return checks
    .filter((check) => fieldOf(check, 'Status') === 'critical')
    .map((check) => String(fieldOf(check, 'CheckID')));
}

function isMaintenance(checkId: string): boolean {
  return checkId === '_node_maintenance' || checkId.startsWith('_service_maintenance:');
}

function toHostAndPort(address: string): Pick<ConsulService, 'address' | 'port'> {
  const parts = /^\[?(.+?)\]?:(\d+)$/.exec(address);
  const [, host, port] = parts ?? [];
  // Consul refuses a service that listens on no address in particular.
  if (host === undefined || /^(0\.0\.0\.0|::)$/.test(host)) return {};
  return { address: host, port: Number(port) };
}

function fieldOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}

function textOf(value: unknown, key: string, isValid: (text: string) => boolean): string {
  const text = fieldOf(value, key);
  if (typeof text === 'string' && isValid(text)) return text;
  throw new Error(`${key} is not valid: ${shortened(text)}`);
}

function numberOf(value: unknown, key: string): number {
  const number = fieldOf(value, key);
  if (typeof number === 'number' && Number.isFinite(number)) return number;
  throw new Error(`${key} is not a number: ${shortened(number)}`);
}

function amountOf(meta: unknown, key: string): number {
  return Number(textOf(meta, key, (text) => /^\d{1,20}(\.\d{1,20})?(e[+-]?\d{1,2})?$/.test(text)));
}

/** Identifiers: something, and nothing that would break a line of a log. */
function isName(text: string): boolean {
  return text.length > 0 && isLabel(text);
}

function isLabel(text: string): boolean {
  return text.length <= 512 && !/\p{Cc}/u.test(text);
}

function shortened(value: unknown): string {
  if (value === undefined) return 'missing';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > 64 ? `${text.slice(0, 64)}…` : text;
}
