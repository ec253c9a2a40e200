// What the adapter demands of a source before the engine sees it, and after: limits on all that it collects, and only
// descriptions that it can carry.
import type { EngineClient, EngineMedia } from './engine-shape.ts';
import type { PullFailure, PullOutcome } from './pull-source.ts';
import type { RtspTrack } from './rtsp-track.ts';

const limits = {
  /** Of one answer's head, and with it of what is no answer at all. */
  headBytes: 64 * 1024,
  /** Of one answer's body: a description. */
  bodyBytes: 256 * 1024,
  /** Of the fragments of one NAL unit. */
  fragmentBytes: 16 * 1024 * 1024,
  /** Of media that comes before the answer to PLAY. */
  earlyBytes: 1024 * 1024,
  /** Heartbeats that were not answered; some sources answer none. */
  pendingRequests: 1_000,
} as const;

const parsingHead = 2;

const codecs: Readonly<Record<string, RtspTrack['codec']>> = {
  H264: 'h264',
  H265: 'h265',
  HEVC: 'h265',
  'MPEG4-GENERIC': 'aac',
  AAC: 'aac',
  PCMA: 'pcma',
  PCMU: 'pcmu',
};

/** A failure with a verdict. */
export class SessionFailure extends Error {
  readonly outcome: PullOutcome;

  constructor(outcome: PullOutcome, why: string) {
    super(why);
    this.outcome = outcome;
  }
}

/** What ended a session, as a verdict. */
export function failureOf(error: unknown): PullFailure {
  if (error instanceof SessionFailure) return { outcome: error.outcome, why: error.message };
  const why = error instanceof Error ? error.message : String(error);
  if (/^(DESCRIBE|PLAY) failed: /.test(why)) {
    return { outcome: 'refused', why: why.replace(' failed:', ' was answered') };
  }
  return { outcome: 'protocol', why: `the source said what the engine cannot read: ${why}` };
}

/** The URL without user name and password, and these. Throws when it is none. */
export function splitUserInfo(text: string): { bareUrl: string; username: string; password: string } {
  const url = new URL(text);
  const username = decodeURIComponent(url.username);
  const password = decodeURIComponent(url.password);
  url.username = '';
  url.password = '';
  return { bareUrl: url.href, username, password };
}

/** Throws when the source makes the engine collect more than it may. */
export function checkLimits(client: EngineClient): void {
  const { recvBuffer, parseState, responseContentLength, pendingRequests } = client;
  if (parseState === parsingHead && recvBuffer.length > limits.headBytes) {
    throw new SessionFailure(
      'protocol',
      `an answer of the source has no end after ${limits.headBytes} bytes`,
    );
  }
  if (responseContentLength > limits.bodyBytes) {
    const why = `an answer of the source has ${responseContentLength} bytes, above ${limits.bodyBytes}`;
    throw new SessionFailure('protocol', why);
  }
  if (pendingRequests.size > limits.pendingRequests) {
    throw new SessionFailure('timeout', 'the source answers no requests');
  }
}

/** Throws when what came before the answer to PLAY is too much. */
export function checkEarly(earlyBytes: number): void {
  if (earlyBytes <= limits.earlyBytes) return;
  throw new SessionFailure('protocol', 'the source sends media without agreeing to play');
}

/** Throws when the fragments of one NAL unit are too much. */
export function checkFragments(fragmentBytes: number): void {
  if (fragmentBytes <= limits.fragmentBytes) return;
  throw new SessionFailure('protocol', `a picture of the source is above ${limits.fragmentBytes} bytes`);
}

/** The track, when it can be carried. */
export function trackOf({ type, codec: name, clockRate, fmtp }: EngineMedia): RtspTrack | undefined {
  const codec = codecs[name.toUpperCase()];
  if (codec === undefined || type !== kindOf({ codec })) return undefined;
  if (clockRate < 1_000 || clockRate > 1_000_000) return undefined;
  if (codec === 'aac' && !isAacReadable(fmtp)) return undefined;
  return { codec, clockRate };
}

/** The engine takes these for granted: with lengths below 1 it loops, without the configuration nobody can decode. */
function isAacReadable(fmtp: Readonly<Record<string, string>>): boolean {
  const isBetween = (text: string | undefined, least: number, most: number): boolean =>
    text === undefined || (/^\d{1,2}$/.test(text) && Number(text) >= least && Number(text) <= most);
  return (
    isBetween(fmtp['sizelength'], 1, 16) &&
    isBetween(fmtp['indexlength'], 0, 16) &&
    isBetween(fmtp['indexdeltalength'], 0, 16) &&
    /^(?:[0-9a-f]{2}){2,64}$/i.test(fmtp['config'] ?? '')
  );
}

/** `video` or `audio`, as in descriptions. */
export function kindOf({ codec }: Pick<RtspTrack, 'codec'>): string {
  return codec === 'h264' || codec === 'h265' ? 'video' : 'audio';
}

/** How much the engine puts before the NAL units. */
export function pictureHeadBytes({ codec }: RtspTrack): number {
  return codec === 'h265' ? 8 : 5;
}

/** The channels that the source chose for RTP and RTCP; those that were asked for where it does not say. */
export function channelsOf(transport: string, rtpChannel: number, rtcpChannel: number): number[] {
  const match = /interleaved=(\d{1,3})(?:-(\d{1,3}))?/.exec(transport);
  if (match === null) return [rtpChannel, rtcpChannel];
  const [, rtp, rtcp] = match;
  return [Number(rtp), rtcp === undefined ? Number(rtp) + 1 : Number(rtcp)];
}

/** The engine says that it is there each 30 s, whatever the source demands. */
export function keepAlive(client: EngineClient, session: string): void {
  const match = /;\s*timeout=(\d{1,6})/i.exec(session);
  if (match === null) return;
  const halfMs = Number(match[1]) * 500;
  client.heartbeatInterval = Math.min(client.heartbeatInterval, Math.max(1_000, halfMs));
}
