// What an edge counts.
import type { Counter, Gauge, Histogram, Metrics, SessionProtocol } from '@headwater/contracts';
import type { TimelineCounters } from '@headwater/media';
import type { EdgeStreamSettings } from './edge-stream.ts';

/** Numbers of a viewer that has ended. */
export interface ViewerTotals {
  readonly bytesWritten: number;
  readonly droppedFrames: number;
}

const joinBuckets = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const holdBuckets = [0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];

/** The edge's metrics. */
export class EdgeFigures {
  readonly #ends: Counter;
  readonly #overloads: Counter;
  readonly #bytes: Counter;
  readonly #drops: Counter;
  readonly #viewers: Gauge;
  readonly #viewerCounts = new Map<SessionProtocol, number>();
  readonly #streams: Gauge;
  readonly #pulls: Counter;
  readonly #switches: Counter;
  readonly #peerPulls: Counter;
  readonly #agentPulls: Counter;
  readonly #shieldPulls: Counter;
  readonly #askers: Gauge;
  readonly #peerDrops: Counter;
  readonly #peers: Gauge;
  readonly #remembered: Counter;
  readonly #splices: Counter;
  readonly #joins: Histogram;
  readonly #holds: Histogram;
  readonly #epochGaps: Histogram;
  readonly #clamped: Counter;
  readonly #dropped: Counter;

  constructor(metrics: Metrics) {
    const counter = (name: string, help: string, ...labels: string[]): Counter =>
      metrics.counter({ name: `headwater_${name}`, help, labels });
    const gauge = (name: string, help: string, ...labels: string[]): Gauge =>
      metrics.gauge({ name: `headwater_${name}`, help, labels });
    this.#ends = counter(
      'play_ends_total',
      'Viewers that ended, by protocol and reason; refused ones by the code of the refusal.',
      'protocol',
      'reason',
    );
    this.#overloads = counter(
      'play_overload_refusals_total',
      'Viewers turned away because a limit of the node was reached, by limit.',
      'limit',
    );
    this.#bytes = counter('play_bytes_total', 'Media bytes written to viewers that have ended.', 'protocol');
    this.#drops = counter(
      'play_dropped_frames_total',
      'Frames that slow viewers missed, counted when they end.',
      'protocol',
    );
    this.#viewers = gauge('viewers', 'Viewers that are connected.', 'protocol');
    this.#streams = gauge('edge_streams', 'Streams that this edge pulls.');
    this.#pulls = counter(
      'edge_pulls_total',
      'Pulls that opened, by who delivers: owner, standby, shield, peer or agent.',
      'kind',
    );
    this.#switches = counter(
      'edge_switches_total',
      'Streams that went over to an upstream of another kind, by the new one.',
      'kind',
    );
    this.#peerPulls = counter(
      'edge_peer_pulls_total',
      'Pulls that peers asked for: served, or the code of the refusal.',
      'result',
    );
    this.#agentPulls = counter(
      'edge_agent_pulls_total',
      'Pulls that others asked to be made on their behalf: served, or the code of the refusal.',
      'result',
    );
    this.#shieldPulls = counter(
      'edge_shield_pulls_total',
      'Pulls that edges of the region asked for as their shield: served, or the code of the refusal.',
      'result',
    );
    this.#askers = gauge(
      'edge_shielded_pulls',
      'Pulls of edges of the region that are being served as their shield.',
    );
    this.#peerDrops = counter('edge_peer_dropped_frames_total', 'Frames that slow pullers missed.');
    this.#peers = gauge('edge_peers', 'Pulls of peers that are being served.');
    this.#remembered = counter(
      'edge_lookups_remembered_total',
      'Look-ups that the registry did not answer, so that what was known before had to do.',
    );
    this.#splices = counter('timeline_splices_total', 'Sessions or clocks joined to the streams of viewers.');
    const histograms = makeHistograms(metrics);
    this.#joins = histograms.joins;
    this.#holds = histograms.holds;
    this.#epochGaps = histograms.epochGaps;
    this.#clamped = counter('timeline_clamped_frames_total', 'Frames whose time stepped back a little.');
    this.#dropped = counter('timeline_dropped_frames_total', 'Frames that no viewer could have shown.');
  }

  overloaded(limit: string): void {
    this.#overloads.add(1, { limit });
  }

  viewerOpened(protocol: SessionProtocol, joinMs: number): void {
    this.#joins.observe(joinMs / 1000, { protocol });
    this.#countViewer(protocol, 1);
  }

  viewerEnded(protocol: SessionProtocol, reason: string, totals: ViewerTotals): void {
    this.refused(protocol, reason);
    this.#bytes.add(totals.bytesWritten, { protocol });
    this.#drops.add(totals.droppedFrames, { protocol });
    this.#countViewer(protocol, -1);
  }

  /** A viewer that never got in. */
  refused(protocol: SessionProtocol, reason: string): void {
    this.#ends.add(1, { protocol, reason });
  }

  streams(count: number): void {
    this.#streams.set(count);
  }

  /** What the streams of an edge report. */
  streamReports(): Pick<EdgeStreamSettings, 'pullOpened' | 'peerDropped' | 'held' | 'epochBegan'> {
    return {
      pullOpened: (kind, isSwitch) => {
        this.#pulls.add(1, { kind });
        if (isSwitch) this.#switches.add(1, { kind });
      },
      peerDropped: (frames) => {
        this.#peerDrops.add(frames);
      },
      held: (outcome, heldMs) => {
        this.#holds.observe(heldMs / 1000, { outcome });
      },
      epochBegan: (outcome, gapMs) => {
        this.#epochGaps.observe(gapMs / 1000, { outcome });
      },
    };
  }

  peerAnswered(result: string): void {
    this.#peerPulls.add(1, { result });
  }

  agentAnswered(result: string): void {
    this.#agentPulls.add(1, { result });
  }

  shieldAnswered(result: string): void {
    this.#shieldPulls.add(1, { result });
  }

  askers(count: number): void {
    this.#askers.set(count);
  }

  peers(count: number): void {
    this.#peers.set(count);
  }

  lookupRemembered(): void {
    this.#remembered.add(1);
  }

  /** What a timeline has come to since `before`. */
  timeline(now: TimelineCounters, before: TimelineCounters): void {
    this.#splices.add(now.splices - before.splices);
    this.#clamped.add(now.clamped - before.clamped);
    this.#dropped.add(now.dropped - before.dropped);
  }

  #countViewer(protocol: SessionProtocol, change: 1 | -1): void {
    const count = (this.#viewerCounts.get(protocol) ?? 0) + change;
    this.#viewerCounts.set(protocol, count);
    this.#viewers.set(count, { protocol });
  }
}

function makeHistograms(metrics: Metrics): { joins: Histogram; holds: Histogram; epochGaps: Histogram } {
  return {
    joins: metrics.histogram({
      name: 'headwater_play_join_seconds',
      help: 'From the request of a viewer until its stream was there, by protocol.',
      labels: ['protocol'],
      buckets: joinBuckets,
    }),
    holds: metrics.histogram({
      name: 'headwater_edge_hold_seconds',
      help: 'How long the viewers of a stream got nothing, by how it ended: resumed in the same epoch, republished at the same origin, failed_over to another origin, or ended.',
      labels: ['outcome'],
      buckets: holdBuckets,
    }),
    epochGaps: metrics.histogram({
      name: 'headwater_edge_epoch_gap_seconds',
      help: 'From the last frame of an epoch to the first media of the next, as they came here: republished by the same origin, or failed_over to another.',
      labels: ['outcome'],
      buckets: holdBuckets,
    }),
  };
}
