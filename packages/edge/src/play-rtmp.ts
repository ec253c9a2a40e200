// RTMP viewers: the session speaks the dialogue, media goes beside it straight to the socket as shared buffers.
import { toAppError, type CloseReason } from '@headwater/contracts';
import { unwrapDefaultTrack, type Frame, type Sink, type StreamFormat } from '@headwater/media';
import { capability, rtmpFormat, type PlayControl, type PlayRequest, type PlayViewer } from '@headwater/rtmp';
import type { Edge } from './edge.ts';
import type { Viewer, ViewerContext } from './viewer.ts';

/** The connection of an RTMP viewer. */
export interface RtmpViewerConnection {
  readonly context: ViewerContext;
  readonly sink: Sink;
  /** Closes the transport without waiting for what is queued: for viewers that do not read. */
  destroy(): void;
}

/** Admits an RTMP viewer and delivers to it; answers the request either way. Never rejects. */
export async function playRtmp(
  edge: Edge,
  request: PlayRequest,
  connection: RtmpViewerConnection,
): Promise<void> {
  const cancelled = new AbortController();
  request.onCancel(() => {
    cancelled.abort();
  });
  try {
    const { app, name, params } = request;
    const { context } = connection;
    const viewer = await edge.admit({ app, name, params, context, signal: cancelled.signal });
    if (request.isCancelled) viewer.close('client_closed');
    else new RtmpPlay(viewer, request, connection).open();
  } catch (caught) {
    request.refuse(toAppError(caught));
  }
}

class RtmpPlay implements PlayViewer {
  readonly #viewer: Viewer;
  readonly #request: PlayRequest;
  readonly #connection: RtmpViewerConnection;
  #control: PlayControl | undefined;
  #kinds = { audio: true, video: true };
  #isPaused = false;

  constructor(viewer: Viewer, request: PlayRequest, connection: RtmpViewerConnection) {
    this.#viewer = viewer;
    this.#request = request;
    this.#connection = connection;
    viewer.onEnded = (reason) => {
      this.#control?.end(reason);
      // What a viewer that does not read is told would only queue up behind the rest.
      if (reason === 'slow_viewer') connection.destroy();
    };
  }

  open(): void {
    this.#control = this.#request.accept(this);
    this.#deliver('keyframe');
  }

  pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
    if (isPaused) this.#viewer.pause();
    else this.#deliver('next-keyframe');
  }

  receive(kind: 'audio' | 'video', isWanted: boolean): void {
    if (this.#kinds[kind] === isWanted) return;
    this.#kinds = { ...this.#kinds, [kind]: isWanted };
    // What the client wanted before it was answered comes in the middle of `accept`; delivery begins after that.
    if (this.#control !== undefined && !this.#isPaused) this.#deliver('next-keyframe');
  }

  ended(reason: CloseReason): void {
    this.#viewer.close(reason);
  }

  #deliver(from: 'keyframe' | 'next-keyframe'): void {
    const { messageStreamId, client } = this.#request;
    const format = rtmpFormat({ messageStreamId, kinds: this.#kinds });
    const canMultitrack = (client.capsEx & capability.multitrack) !== 0;
    this.#viewer.deliver({
      format: canMultitrack ? format : defaultTrackOnly(format),
      sink: this.#connection.sink,
      from,
    });
  }
}

/** The format for viewers that know of one track only: multitrack packets become the default track's own. */
function defaultTrackOnly(format: StreamFormat): StreamFormat {
  return {
    id: `${format.id}:single`,
    preamble: (tracks) => format.preamble(tracks),
    encode: (frames) => format.encode(frames.map(unwrapDefaultTrack).filter(isFrame)),
  };
}

function isFrame(frame: Frame | undefined): frame is Frame {
  return frame !== undefined;
}
