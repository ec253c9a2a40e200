import {
  AppError,
  compileConfig,
  parseStreamKey,
  shownSource,
  silentLogger,
  type SessionView,
  type StreamView,
} from '@headwater/contracts';
import { openAccess } from '../access/open-access.ts';
import type { JobDesk } from '../admin/job-desk.ts';
import type { NodeView } from '../admin/node-view.ts';
import { BoundAddresses } from '../bound-addresses.ts';
import { ConnectionGate } from '../connection-gate.ts';
import type { NodeContext } from '../node-context.ts';
import { PrometheusMetrics } from '../prometheus-metrics.ts';
import { SystemClock } from '../system-clock.ts';

/** A node's context on loopback, every port chosen by the system. */
export function testContext(over: Partial<NodeContext> = {}): NodeContext {
  const port = { port: 0 };
  const input = { bind: '127.0.0.1', rtmp: port, http: port, admin: port, relay: port };
  const config = compileConfig(input, { defaultNodeId: 'test-node' });
  const clock = new SystemClock();
  return {
    config,
    roles: ['origin', 'edge'],
    node: { nodeId: 'test-node', incarnation: 'run-1' },
    version: '1.2.3',
    startedAtMs: 0,
    clock,
    logger: silentLogger,
    metrics: new PrometheusMetrics(),
    access: openAccess,
    gate: new ConnectionGate(config.limits, clock),
    print: () => undefined,
    addresses: new BoundAddresses(),
    ...over,
  };
}

/** A live stream as the API shows it. */
export function streamView(key: string, over: Partial<StreamView> = {}): StreamView {
  return {
    key: parseStreamKey(key),
    state: 'live',
    codecs: ['avc1', 'mp4a'],
    since: '2025-01-01T00:00:00.000Z',
    viewers: { rtmp: 2, 'http-flv': 1 },
    framesIn: 10,
    bytesIn: 1000,
    bytesOut: 3000,
    ...over,
  };
}

/** A viewer as the API shows it. */
export function sessionView(id: string, over: Partial<SessionView> = {}): SessionView {
  return {
    id,
    role: 'viewer',
    protocol: 'rtmp',
    stream: 'live/a',
    remoteAddress: '192.0.2.1',
    since: '2025-01-01T00:00:00.000Z',
    bytes: 100,
    droppedFrames: 0,
    lagMs: 0,
    ...over,
  };
}

/** Jobs that nobody has. */
export function jobDesk(over: Partial<JobDesk> = {}): JobDesk {
  return {
    list: async () => Promise.resolve([]),
    add: async ({ id, kind, source, stream }) => {
      return Promise.resolve({ isNew: true, job: { id, kind, source: shownSource(source), stream } });
    },
    remove: async () => Promise.resolve(false),
    ...over,
  };
}

/** A view of a node in which nothing happens. */
export function nodeView(over: Partial<NodeView> = {}): NodeView {
  return {
    jobs: jobDesk(),
    streams: () => [],
    sessions: () => [],
    nodes: async () => ({ items: [], isStale: false }),
    kick: () => false,
    explainRoute: () => {
      throw new AppError('role_missing', { details: { role: 'router' } });
    },
    furtherMetrics: () => [],
    notReadyReasons: () => [],
    doubts: () => [],
    ...over,
  };
}
