import type { Counter, Gauge, Histogram, Metrics } from '@headwater/contracts';

/** What an origin counts of publishers and streams. */
export interface OriginFigures {
  readonly published: Counter;
  readonly streams: Gauge;
  readonly epochSeconds: Histogram;
  readonly relayDropped: Counter;
  readonly earlyPulls: Counter;
}

/** Makes an origin's figures. */
export function originFigures(metrics: Metrics): OriginFigures {
  return {
    published: metrics.counter({
      name: 'headwater_publish_attempts_total',
      help: 'Publish attempts by outcome: accepted, backup, client_closed, or the code of the refusal.',
      labels: ['outcome'],
    }),
    streams: metrics.gauge({
      name: 'headwater_origin_streams',
      help: 'Streams this origin owns, held ones included.',
    }),
    epochSeconds: metrics.histogram({
      name: 'headwater_origin_epoch_seconds',
      help: 'How long epochs that have ended brought frames, by why they ended: replaced where the publisher came back.',
      labels: ['reason'],
      buckets: [1, 5, 15, 60, 300, 1_800, 7_200, 43_200],
    }),
    relayDropped: metrics.counter({
      name: 'headwater_relay_dropped_frames_total',
      help: 'Frames that pullers which lay too far behind missed, counted when their pull ends.',
    }),
    earlyPulls: metrics.counter({
      name: 'headwater_origin_early_pulls_total',
      help: 'Pulls that came before the stream that the registry had given to this node, by whether it came in time: served, late.',
      labels: ['outcome'],
    }),
  };
}
