// One entry of the event log, as XREAD returns it: an id and a flat list of fields and values.
import type { JobEvent } from '../job-registry.ts';
import type { RegistryEvent } from '../stream-registry.ts';
import type { UpstreamReport } from '../upstream-reports.ts';
import { decodeNode, decodeReport, decodeStream, wholeNumber } from './record-codec.ts';
import { pairsOf, textOf } from './script-reply.ts';

/** An entry with its place in the log. */
export interface EventLogEntry {
  readonly id: string;
  /** Which life of the log it belongs to: a log that lost its data begins a new one. */
  readonly life: string;
  /** Counts the events of a life, without gaps. */
  readonly seq: number;
  /** Undefined when it is not readable, or when it is one of the others. */
  readonly event: RegistryEvent | undefined;
  readonly report: UpstreamReport | undefined;
  readonly job: JobEvent | undefined;
}

/** Reads the reply of XREAD on one log; empty when nothing came in time. */
export function decodeEntries(reply: unknown): readonly EventLogEntry[] {
  const log: unknown = Array.isArray(reply) ? (reply as unknown[])[0] : undefined;
  const entries: unknown = Array.isArray(log) ? (log as unknown[])[1] : undefined;
  return Array.isArray(entries) ? (entries as unknown[]).map(decodeEntry) : [];
}

function decodeEntry(entry: unknown): EventLogEntry {
  const [id, fields] = Array.isArray(entry) ? (entry as unknown[]) : [];
  const values = new Map(pairsOf(fields));
  const seq = Number(values.get('seq') ?? Number.NaN);
  return {
    id: textOf(id),
    life: values.get('life') ?? '',
    seq,
    event: decodeEvent(values),
    report: decodeReportOf(values),
    job: decodeJobOf(values),
  };
}

function decodeReportOf(values: ReadonlyMap<string, string>): UpstreamReport | undefined {
  return values.get('type') === 'upstream_lost' ? decodeReport(values.get('report') ?? '') : undefined;
}

function decodeJobOf(values: ReadonlyMap<string, string>): JobEvent | undefined {
  const type = values.get('type');
  if (type !== 'job_added' && type !== 'job_removed' && type !== 'job_assigned') return undefined;
  const jobId = values.get('job');
  const revision = wholeNumber(values.get('revision'));
  const nodeId = values.get('node');
  const incarnation = values.get('run');
  if (jobId === undefined || revision === undefined) return undefined;
  const isAssigned = nodeId !== undefined && incarnation !== undefined;
  return { type, jobId, revision, ...(isAssigned ? { assignee: { nodeId, incarnation } } : {}) };
}

function decodeEvent(values: ReadonlyMap<string, string>): RegistryEvent | undefined {
  const type = values.get('type');
  switch (type) {
    case 'stream_claimed':
    case 'stream_updated':
    case 'stream_ended': {
      const record = decodeStream(values.get('stream') ?? '', values.get('record') ?? '');
      return record && { type, record };
    }
    case 'node_joined':
    case 'node_updated': {
      const node = decodeNode(values.get('node') ?? '', values.get('beat') ?? '');
      return node && { type, node };
    }
    case 'node_left': {
      const nodeId = values.get('node');
      const incarnation = values.get('run');
      if (nodeId === undefined || incarnation === undefined) return undefined;
      return { type, node: { nodeId, incarnation } };
    }
    default:
      return undefined;
  }
}

/** True when entry `a` comes before entry `b`. */
export function isEarlierId(a: string, b: string): boolean {
  const [aMs = 0, aSeq = 0] = a.split('-').map(Number);
  const [bMs = 0, bSeq = 0] = b.split('-').map(Number);
  return aMs === bMs ? aSeq < bSeq : aMs < bMs;
}
