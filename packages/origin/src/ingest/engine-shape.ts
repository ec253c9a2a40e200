// The parts of node-media-server's classes that the adapter touches. The package has no types of its own.

/** An answer of the source. */
export interface EngineAnswer {
  readonly statusCode: number;
  readonly reasonPhrase: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A track as the source describes it. */
export interface EngineMedia {
  readonly type: string;
  readonly codec: string;
  readonly payloadType: number;
  readonly clockRate: number;
  readonly fmtp: Readonly<Record<string, string>>;
  readonly control: string;
}

/** The engine's connection. */
export interface EngineSocket {
  pause(): void;
  resume(): void;
}

/** Its RTSP dialogue. */
export interface EngineClient {
  socket: EngineSocket | null;
  username: string;
  password: string;
  heartbeatInterval: number;
  readonly recvBuffer: Buffer;
  readonly parseState: number;
  readonly responseContentLength: number;
  readonly pendingRequests: ReadonlyMap<number, unknown>;
  handleData: (data: Buffer) => void;
  onRtpDataCallback: (channel: number, data: Buffer) => void;
  onCloseCallback: (hadError: boolean) => void;
  onErrorCallback: (error: Error) => void;
  connect(url: string): Promise<void>;
  play(uri?: string, range?: string): Promise<EngineAnswer>;
  setup(uri: string, transport: string): Promise<EngineAnswer>;
  allocateChannel(): { rtpChannel: number; rtcpChannel: number };
}

/** An RTP packet, parsed. */
export interface EngineRtpPacket {
  readonly payloadType: number;
  readonly sequenceNumber: number;
  readonly timestamp: number;
  readonly marker: boolean;
  readonly payload: Buffer;
}

/** What it makes of RTP payload: FLV tag bodies. */
export interface EngineAvPacket {
  /** 1: audio, 2: sequence header of video, 3: keyframe, 4: other picture. */
  readonly flags: number;
  readonly data: Buffer;
}

/** What it knows of a track. */
export interface EngineTrack {
  checkSeqGap: (sequenceNumber: number) => boolean;
  fuStarted?: boolean;
  readonly audioSpecificConfig?: Buffer | null;
}

/** Takes the payload of RTP packets apart. */
export interface EngineDepayloader {
  readonly tracks: ReadonlyMap<number, EngineTrack>;
  addTrack(
    payloadType: number,
    codec: string,
    clockRate: number,
    fmtp: Readonly<Record<string, string>>,
  ): void;
  feed(packet: EngineRtpPacket): EngineAvPacket[];
}

/** Its session with a source. */
export interface EngineRtspSession {
  readonly rtspClient: EngineClient;
  readonly rtspUrl: string;
  readonly sdp: { readonly media: readonly EngineMedia[] } | null;
  setupTrack: (media: EngineMedia) => Promise<void>;
  registerBroadcast: () => void;
  handleReconnect: () => void;
  connectAndPlay(): Promise<void>;
  close(): void;
}

/** A part of an RTCP packet, parsed; the fields of other types than sender reports are left out. */
export interface EngineRtcpPacket {
  readonly type: number;
  readonly ntpTimestampMsw?: number;
  readonly ntpTimestampLsw?: number;
  readonly rtpTimestamp?: number;
}
