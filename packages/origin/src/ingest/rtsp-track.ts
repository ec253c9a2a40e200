// What the engine says about an RTSP session, in words of our own: its tracks, and their packets after it has taken the
// RTP payload formats apart (RFC 6184, RFC 7798, RFC 3640).

/** A track that the source agreed to send. */
export interface RtspTrack {
  readonly codec: 'h264' | 'h265' | 'aac' | 'pcma' | 'pcmu';
  /** RTP ticks in a second. */
  readonly clockRate: number;
  /** The RTP time of the moment at which all tracks begin, where the source named it (`RTP-Info`). */
  readonly startTimestamp?: number;
  /** The AudioSpecificConfig of AAC. */
  readonly config?: Buffer;
}

/** One RTP packet, taken apart. */
export interface RtspPacket {
  readonly timestamp: number;
  /** The marker bit: the picture is complete. */
  readonly isLast: boolean;
  /** False when packets before it are missing. */
  readonly isContiguous: boolean;
  /** What the track needs to be decoded from here on: the body of an FLV sequence header. */
  readonly header?: Buffer;
  /** Video: NAL units, each behind its 32-bit length. Audio: FLV tag bodies. */
  readonly parts: readonly Buffer[];
}

/** Which RTP time a moment of the source's clock has (RTCP sender report, RFC 3550 §6.4.1). */
export interface SenderReport {
  readonly ntpMs: number;
  readonly rtpTimestamp: number;
}
