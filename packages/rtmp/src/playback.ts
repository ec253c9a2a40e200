// One play, from the client's request to its end. Its media is written beside the session by the node.
import type { AppError, CloseReason } from '@headwater/contracts';
import type { ClientInfo, PlayControl, PlayRequest, PlayViewer } from './server-delegate.ts';
import { playEnd, playRefusal } from './status.ts';
import type { StreamHost } from './stream-host.ts';
import { streamTarget } from './tc-url.ts';

/** The message stream that a playback is on. */
export interface PlaybackOwner {
  readonly id: number;
  /** The node said yes, or no. */
  answered(isAccepted: boolean): void;
  /** The node ended it. */
  ended(reason: CloseReason): void;
}

/** What `play` asks for. */
export interface PlayCall {
  readonly nameAndQuery: string;
  /** The client wants to hear that its playlist was reset. */
  readonly isReset: boolean;
}

/** The request as the node sees it, and the accepted play as the session sees it. */
export class Playback implements PlayRequest {
  readonly client: ClientInfo;
  readonly app: string;
  readonly name: string;
  readonly params: ReadonlyMap<string, string>;
  /** What the client asked for, to tell a repeated request from another. */
  readonly call: PlayCall;
  readonly #host: StreamHost;
  readonly #owner: PlaybackOwner;
  readonly #wants: { audio: boolean; video: boolean } = { audio: true, video: true };
  #cancelled: (() => void)[] = [];
  #viewer: PlayViewer | undefined;
  #isOver = false;

  constructor(host: StreamHost, owner: PlaybackOwner, call: PlayCall) {
    this.#host = host;
    this.#owner = owner;
    this.call = call;
    this.client = host.client;
    this.app = host.client.app;
    ({ name: this.name, params: this.params } = streamTarget(call.nameAndQuery, host.params));
  }

  get messageStreamId(): number {
    return this.#owner.id;
  }

  get isCancelled(): boolean {
    return this.#isOver && this.#viewer === undefined;
  }

  onCancel(run: () => void): void {
    if (this.isCancelled) run();
    else if (this.#viewer === undefined) this.#cancelled.push(run);
  }

  accept(viewer: PlayViewer): PlayControl {
    if (this.#isOver || this.#viewer !== undefined) {
      // Too late. The viewer is told as any other, so that it lets go of what it holds.
      viewer.ended('client_closed');
      return { end: () => undefined };
    }
    this.#host.run(() => {
      this.#viewer = viewer;
      this.#cancelled = [];
      this.#owner.answered(true);
      this.#announceStart();
      for (const kind of ['audio', 'video'] as const) if (!this.#wants[kind]) viewer.receive(kind, false);
    });
    return { end: (reason) => this.#endByNode(reason) };
  }

  refuse(error: AppError): void {
    if (this.#isOver || this.#viewer !== undefined) return;
    this.#cancelled = [];
    this.#host.run(() => {
      this.#host.output.status(this.#owner.id, playRefusal(error));
      this.#owner.answered(false);
    });
  }

  pause(isPaused: boolean): void {
    this.#viewer?.pause(isPaused);
  }

  receive(kind: 'audio' | 'video', isWanted: boolean): void {
    if (this.#wants[kind] === isWanted) return;
    this.#wants[kind] = isWanted;
    this.#viewer?.receive(kind, isWanted);
  }

  /** Tells the client why the node ends it. */
  announceEnd(reason: CloseReason): void {
    if (this.#viewer === undefined) return;
    const { output } = this.#host;
    output.status(this.#owner.id, playEnd(reason));
    output.control({ kind: 'streamEof', messageStreamId: this.#owner.id });
    output.status(this.#owner.id, { level: 'status', code: 'NetStream.Play.Stop', description: reason });
  }

  /** Tells the node. The owner calls it once, whoever ended it. */
  end(reason: CloseReason): void {
    this.#isOver = true;
    const cancelled = this.#cancelled;
    this.#cancelled = [];
    for (const run of cancelled) run();
    this.#viewer?.ended(reason);
  }

  #announceStart(): void {
    const { output } = this.#host;
    const { id } = this.#owner;
    const description = this.name.slice(0, 128);
    output.control({ kind: 'streamBegin', messageStreamId: id });
    if (this.call.isReset) output.status(id, { level: 'status', code: 'NetStream.Play.Reset', description });
    output.status(id, { level: 'status', code: 'NetStream.Play.Start', description });
    // Media may follow as soon as this returns, whatever else is being read.
    output.flush();
  }

  #endByNode(reason: CloseReason): void {
    if (this.#isOver) return;
    this.#host.run(() => {
      this.announceEnd(reason);
      this.#owner.ended(reason);
    });
  }
}
