// What an RTMP server session asks of the node it runs in. The session parses, answers the dialogue and keeps the
// protocol's state; who may publish, where media goes and when things end is decided behind this interface.
import type { AppError, CloseReason } from '@headwater/contracts';
import type { FrameKind } from '@headwater/media';
import type { ForwardedClient } from './forwarding.ts';

/** What the client said in `connect`, and which optional abilities it announced (Enhanced RTMP v2). */
export interface ClientInfo {
  readonly app: string;
  readonly tcUrl: string;
  readonly flashVer: string;
  /** capsEx bits: 1 reconnect, 2 multitrack, 4 ModEx, 8 nanosecond offset. */
  readonly capsEx: number;
  readonly fourCcList: readonly string[];
  /** True when it says to be a node that forwards a publisher: it is told more, and trusted no more. */
  readonly isForwarder?: boolean;
  /** Whom it says to forward; to be believed only where the connection itself can come from no one else. */
  readonly forwardedClient?: ForwardedClient;
}

/** Where accepted media goes. Called in the order of arrival; `ended` exactly once, nothing after it. */
export interface PublishReceiver {
  /** One message. `timestampMs` is unwrapped; `payload` is owned by the receiver; onMetaData comes without @setDataFrame. */
  media(kind: FrameKind, timestampMs: number, payload: Buffer): void;
  ended(reason: CloseReason): void;
  /** The node that forwards the publisher has asked it to move; it goes on until it has. */
  letGo?(): void;
}

/** What a reconnect request tells the client besides that it should come back. */
export interface ReconnectOptions {
  /** Where to, absolute or relative; absent for the same URL. */
  readonly tcUrl?: string;
  readonly description?: string;
}

/** What the node may do with an accepted publisher. */
export interface PublishControl {
  /** Sends the status that fits the reason, then closes the connection. `ended` follows. */
  close(reason: CloseReason, description?: string): void;
  /** Sends NetConnection.Connect.ReconnectRequest; false (nothing sent) when the client did not announce the ability. */
  requestReconnect(options?: ReconnectOptions): boolean;
}

/** A client asks to publish. Exactly one of `accept` and `refuse` has an effect, and none after `isCancelled`. */
export interface PublishRequest {
  readonly client: ClientInfo;
  /** Checked by nobody yet: build the key with `streamKey`. */
  readonly app: string;
  readonly name: string;
  /** Merged query parameters of app and stream name; the stream name's win. */
  readonly params: ReadonlyMap<string, string>;
  /** True once the client has gone away or taken the request back. */
  readonly isCancelled: boolean;
  /**
   * Sends StreamBegin and NetStream.Publish.Start; from now on media reaches the receiver. Where that is too late the
   * receiver is ended before this returns, so that nothing it holds stays held.
   */
  accept(receiver: PublishReceiver): PublishControl;
  /** Answers with the error's RTMP status. Media sent meanwhile is dropped, and so is a client that goes on sending. */
  refuse(error: AppError): void;
}

/** How an accepted play is driven by its client. `ended` exactly once. */
export interface PlayViewer {
  pause(isPaused: boolean): void;
  receive(kind: 'audio' | 'video', isWanted: boolean): void;
  ended(reason: CloseReason): void;
}

/** What the node may do with an accepted viewer. Its media is written beside the session, as whole chunks. */
export interface PlayControl {
  /** NetStream.Play.UnpublishNotify, StreamEOF and Play.Stop/Complete as fit the reason; `ended` follows. The connection stays. */
  end(reason: CloseReason): void;
}

/** A client asks to play. Exactly one of `accept` and `refuse` has an effect, and none after `isCancelled`. */
export interface PlayRequest {
  readonly client: ClientInfo;
  readonly app: string;
  readonly name: string;
  readonly params: ReadonlyMap<string, string>;
  /** The message stream the client plays on: all its media must carry this id. */
  readonly messageStreamId: number;
  readonly isCancelled: boolean;
  /** Calls `run` when the request is cancelled before an answer. */
  onCancel(run: () => void): void;
  /**
   * Sends StreamBegin, Play.Reset where asked, and Play.Start; when this returns they have been written, and media may
   * follow. Where it is too late the viewer is ended before this returns.
   */
  accept(viewer: PlayViewer): PlayControl;
  refuse(error: AppError): void;
}

/** The node's side of an RTMP server session. */
export interface RtmpServerDelegate {
  /** Called at `connect`; a returned error is answered with `_error` and the connection closed. */
  connect(client: ClientInfo): AppError | undefined;
  publish(request: PublishRequest): void;
  play(request: PlayRequest): void;
  /** The session is over: the owner closes the transport (after flushing when `reason` is a polite one). Exactly once. */
  closed(reason: CloseReason, error?: AppError): void;
}
