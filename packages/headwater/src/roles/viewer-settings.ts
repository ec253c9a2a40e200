// What the configuration says about serving viewers, in the form in which edges and listeners take it.
import type { Config } from '@headwater/contracts';
import type { EdgeOptions } from '@headwater/edge';
import type { RtmpListenerOptions } from '../rtmp-listener.ts';
import { backlogOf, flushPlanOf, ringOf } from './fan-out-settings.ts';

type EdgeSettings = Pick<
  EdgeOptions,
  | 'ring'
  | 'flushPlan'
  | 'backlog'
  | 'defaultLatency'
  | 'holdMs'
  | 'lingerMs'
  | 'waitForStreamMs'
  | 'maxViewers'
  | 'maxStreams'
>;

/** How an edge serves. */
export function edgeSettingsOf(
  config: Pick<Config, 'gopCache' | 'fanOut' | 'viewer' | 'holdMs' | 'limits'>,
): EdgeSettings {
  return {
    ring: ringOf(config),
    flushPlan: flushPlanOf(config),
    backlog: backlogOf(config),
    defaultLatency: config.viewer.latency,
    holdMs: config.holdMs,
    lingerMs: config.viewer.lingerMs,
    waitForStreamMs: config.viewer.waitForStreamMs,
    maxViewers: config.limits.viewers,
    maxStreams: config.limits.streams,
  };
}

/** What an RTMP session may take. */
export function rtmpSessionOf({ limits }: Pick<Config, 'limits'>): RtmpListenerOptions['session'] {
  return {
    limits: {
      connectMs: limits.handshakeMs,
      idleMs: limits.idleMs,
      publisherSilentMs: limits.publisherSilenceMs,
      chunks: {
        messageBytes: limits.messageBytes,
        unfinishedBytes: limits.unfinishedMessageBytes,
        chunkStreams: limits.chunkStreams,
      },
    },
  };
}
