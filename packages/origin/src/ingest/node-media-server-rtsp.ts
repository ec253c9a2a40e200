// The only file that knows node-media-server: its RTSP client session does the dialogue with the source and takes the RTP
// payload formats apart. Here it gets limits, and everything that it throws or says ends in `failed`. What is repaired:
//   - it writes user name and password into request lines and its log: it is given the URL without them, and no log;
//   - it registers itself with a server that is not there, and reconnects by itself: both are left out;
//   - it joins answers, headers and fragments without a limit, and parses its parts with exceptions that reach the socket;
//   - after one missing packet it counts every later one as missing too;
//   - it tells tracks apart by payload type alone, which two tracks may share: here the channel does;
//   - it asks for tracks that it cannot take apart, and takes values of the description that make it loop for ever;
//   - it reads which RTP time all tracks begin with (RTP-Info), sender reports and goodbyes, and makes no use of them.
import { createRequire } from 'node:module';
import {
  channelsOf,
  checkEarly,
  checkFragments,
  checkLimits,
  failureOf,
  keepAlive,
  kindOf,
  pictureHeadBytes,
  SessionFailure,
  splitUserInfo,
  trackOf,
} from './engine-checks.ts';
import type {
  EngineAnswer,
  EngineDepayloader,
  EngineMedia,
  EngineRtcpPacket,
  EngineRtpPacket,
  EngineRtspSession,
  EngineTrack,
} from './engine-shape.ts';
import type { PullFailure } from './pull-source.ts';
import { parseRtpInfo } from './rtp-info.ts';
import type { RtspPacket, RtspTrack, SenderReport } from './rtsp-track.ts';

/** What a session tells. */
export interface EngineDelegate {
  /** The source plays these tracks; later calls name them by their place. */
  started(tracks: readonly RtspTrack[]): void;
  packet(track: number, packet: RtspPacket): void;
  senderReport(track: number, report: SenderReport): void;
  /** It is over, and has been closed. At most once, never after `close`. */
  failed(failure: PullFailure): void;
}

/** A session with a source. */
export interface EngineSession {
  /** Says goodbye and ends it. Twice does nothing. */
  close(): void;
  /** Stops reading from the source. */
  pause(): void;
  resume(): void;
}

const require = createRequire(import.meta.url);
const engineLog = require('node-media-server/src/core/logger.js') as { log: () => void };
const EngineRtspClientSession = require('node-media-server/src/session/rtsp_client_session.js') as new (
  options: Readonly<Record<string, unknown>>,
) => EngineRtspSession;
const EngineRtspClient = require('node-media-server/src/protocol/rtsp_client.js') as {
  buildTrackUrl(base: string, control: string): string;
  buildTCPInterleavedTransport(rtpChannel: number, rtcpChannel: number): string;
};
const EngineRtpDepayloader =
  require('node-media-server/src/protocol/rtp_depayloader.js') as new () => EngineDepayloader;
const EngineRtp = require('node-media-server/src/protocol/rtp.js') as {
  parse(bytes: Buffer): EngineRtpPacket | null;
};
const EngineRtcp = require('node-media-server/src/protocol/rtcp.js') as {
  isRtcp(bytes: Buffer): boolean;
  parseCompound(bytes: Buffer): readonly EngineRtcpPacket[];
};
// It would print URLs; what matters is told by `failed`.
engineLog.log = () => undefined;

const rtcpSenderReport = 200;
const rtcpGoodbye = 203;
/** Between 1900, where NTP counts from, and 1970. */
const ntpEpochSeconds = 2_208_988_800;

interface OpenTrack {
  readonly index: number;
  readonly track: RtspTrack;
  readonly control: string;
  readonly depayloader: EngineDepayloader;
  readonly engine: EngineTrack;
  readonly payloadType: number;
  lastSequence: number | undefined;
  isContiguous: boolean;
  fragmentBytes: number;
  hasEnded: boolean;
}

/** Connects to a source and asks it to play. Never throws. */
export function openEngineSession(url: string, delegate: EngineDelegate): EngineSession {
  const session = new GuardedSession(delegate);
  session.open(url);
  return session;
}

class GuardedSession implements EngineSession {
  readonly #delegate: EngineDelegate;
  readonly #byChannel = new Map<number, OpenTrack>();
  readonly #tracks: OpenTrack[] = [];
  /** What came in the same read as the answer to PLAY, which is looked at a moment later. */
  #early: { readonly channel: number; readonly data: Buffer }[] = [];
  #earlyBytes = 0;
  #session: EngineRtspSession | undefined;
  #refusal: string | undefined;
  #isConnected = false;
  #hasStarted = false;
  #isOver = false;

  constructor(delegate: EngineDelegate) {
    this.#delegate = delegate;
  }

  open(url: string): void {
    try {
      const session = this.#prepare(url);
      this.#session = session;
      session.connectAndPlay().then(
        () => this.#guard(() => this.#played()),
        (error: unknown) => this.#fail(error),
      );
    } catch (error) {
      this.#fail(error);
    }
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#closeSession();
  }

  pause(): void {
    this.#session?.rtspClient.socket?.pause();
  }

  resume(): void {
    this.#session?.rtspClient.socket?.resume();
  }

  #prepare(url: string): EngineRtspSession {
    const { bareUrl, username, password } = splitUserInfo(url);
    const session = new EngineRtspClientSession({
      rtspUrl: bareUrl,
      streamPath: '/pull/source',
      reconnect: false,
    });
    const client = session.rtspClient;
    session.registerBroadcast = () => undefined;
    session.handleReconnect = () => undefined;
    session.setupTrack = (media) => this.#setup(session, media);
    const connect = client.connect.bind(client);
    client.connect = async (connectUrl) => {
      const connected = connect(connectUrl);
      client.username = username;
      client.password = password;
      await connected;
      this.#isConnected = true;
    };
    const play = client.play.bind(client);
    client.play = async () => {
      this.#requireTracks();
      // Without a range some servers resume where a session before was paused.
      const answer = await play(undefined, 'npt=0.000-');
      if (answer.statusCode === 200) this.#start(answer);
      return answer;
    };
    const handleData = client.handleData;
    client.handleData = (data) => {
      if (this.#isOver) return;
      this.#guard(() => {
        handleData(data);
        checkLimits(client);
      });
    };
    client.onRtpDataCallback = (channel, data) => this.#receive(channel, data);
    client.onCloseCallback = () => {
      this.#fail(new SessionFailure('ended', 'the source closed the connection'));
    };
    client.onErrorCallback = (error) => {
      const outcome = this.#isConnected ? 'ended' : 'unreachable';
      this.#fail(new SessionFailure(outcome, `the connection failed: ${error.message}`));
    };
    return session;
  }

  async #setup(session: EngineRtspSession, media: EngineMedia): Promise<void> {
    const track = trackOf(media);
    const isTaken = this.#tracks.some((other) => kindOf(other.track) === media.type);
    if (track === undefined || isTaken) return;
    const client = session.rtspClient;
    const { rtpChannel, rtcpChannel } = client.allocateChannel();
    const answer = await client.setup(
      EngineRtspClient.buildTrackUrl(session.rtspUrl, media.control),
      EngineRtspClient.buildTCPInterleavedTransport(rtpChannel, rtcpChannel),
    );
    if (answer.statusCode !== 200) {
      this.#refusal = `SETUP was answered ${answer.statusCode} ${answer.reasonPhrase}`;
      return;
    }
    this.#addTrack(media, track, channelsOf(answer.headers['Transport'] ?? '', rtpChannel, rtcpChannel));
    keepAlive(client, answer.headers['Session'] ?? '');
  }

  #addTrack(media: EngineMedia, track: RtspTrack, channels: readonly number[]): void {
    const depayloader = new EngineRtpDepayloader();
    depayloader.addTrack(media.payloadType, media.codec, media.clockRate, media.fmtp);
    const engine = depayloader.tracks.get(media.payloadType);
    if (engine === undefined) throw new SessionFailure('engine', 'the engine has no track for the source');
    const config = engine.audioSpecificConfig ?? undefined;
    const open: OpenTrack = {
      index: this.#tracks.length,
      track: track.codec === 'aac' && config !== undefined ? { ...track, config } : track,
      control: media.control,
      depayloader,
      engine,
      payloadType: media.payloadType,
      lastSequence: undefined,
      isContiguous: true,
      fragmentBytes: 0,
      hasEnded: false,
    };
    engine.checkSeqGap = (sequenceNumber) => this.#isGap(open, sequenceNumber);
    this.#tracks.push(open);
    for (const channel of channels) this.#byChannel.set(channel, open);
  }

  #isGap(open: OpenTrack, sequenceNumber: number): boolean {
    const { lastSequence } = open;
    open.lastSequence = sequenceNumber;
    const isGap = lastSequence !== undefined && sequenceNumber !== ((lastSequence + 1) & 0xff_ff);
    if (isGap) open.isContiguous = false;
    return isGap;
  }

  #requireTracks(): void {
    if (this.#tracks.length > 0) return;
    if (this.#refusal !== undefined) throw new SessionFailure('refused', this.#refusal);
    const offered = this.#session?.sdp?.media.map(({ type, codec }) => `${type} ${codec}`).join(', ') ?? '';
    throw new SessionFailure('unsupported', `no track that can be carried (offered: ${offered})`);
  }

  #start(answer: EngineAnswer): void {
    if (this.#hasStarted || this.#isOver) return;
    this.#hasStarted = true;
    const starts = parseRtpInfo(
      answer.headers['RTP-Info'] ?? '',
      this.#tracks.map(({ control }) => control),
    );
    this.#delegate.started(
      this.#tracks.map(({ track, index }) => {
        const startTimestamp = starts[index];
        return startTimestamp === undefined ? track : { ...track, startTimestamp };
      }),
    );
    const early = this.#early;
    this.#early = [];
    for (const { channel, data } of early) this.#receive(channel, data);
  }

  #played(): void {
    if (!this.#hasStarted) throw new SessionFailure('protocol', 'the source did not play');
  }

  #receive(channel: number, data: Buffer): void {
    const open = this.#byChannel.get(channel);
    if (open === undefined) return;
    if (!this.#hasStarted) {
      this.#early.push({ channel, data });
      this.#earlyBytes += data.length;
      checkEarly(this.#earlyBytes);
      return;
    }
    if (EngineRtcp.isRtcp(data)) {
      this.#control(open, data);
      return;
    }
    const packet = EngineRtp.parse(data);
    if (packet?.payloadType !== open.payloadType) return;
    const parts: Buffer[] = [];
    let header: Buffer | undefined;
    for (const { flags, data: body } of open.depayloader.feed(packet)) {
      if (flags === 2) header = body;
      else if (flags === 1) parts.push(body);
      else if (flags === 3 || flags === 4) parts.push(body.subarray(pictureHeadBytes(open.track)));
    }
    open.fragmentBytes = open.engine.fuStarted === true ? open.fragmentBytes + data.length : 0;
    checkFragments(open.fragmentBytes);
    const isContiguous = open.isContiguous;
    open.isContiguous = true;
    this.#delegate.packet(open.index, {
      timestamp: packet.timestamp,
      isLast: packet.marker,
      isContiguous,
      parts,
      ...(header === undefined ? {} : { header }),
    });
  }

  #control(open: OpenTrack, data: Buffer): void {
    for (const packet of EngineRtcp.parseCompound(data)) {
      if (packet.type === rtcpGoodbye) this.#goodbye(open);
      const { type, ntpTimestampMsw, ntpTimestampLsw, rtpTimestamp } = packet;
      if (type !== rtcpSenderReport || ntpTimestampMsw === undefined || rtpTimestamp === undefined) continue;
      const seconds = ntpTimestampMsw - ntpEpochSeconds + (ntpTimestampLsw ?? 0) / 2 ** 32;
      this.#delegate.senderReport(open.index, { ntpMs: seconds * 1_000, rtpTimestamp });
    }
  }

  /** Each track has its own; what the others still have to send is not lost. */
  #goodbye(open: OpenTrack): void {
    open.hasEnded = true;
    if (!this.#tracks.every(({ hasEnded }) => hasEnded)) return;
    throw new SessionFailure('ended', 'the source said goodbye');
  }

  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#closeSession();
    this.#delegate.failed(failureOf(error));
  }

  #closeSession(): void {
    try {
      this.#session?.close();
    } catch {
      // It is over either way; the process around it ends what is left.
    }
  }
}
