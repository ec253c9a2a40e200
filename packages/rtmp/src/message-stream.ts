// One message stream of a server session: idle, or carrying one publish or one play. It owns the state; what is done
// while publishing or playing is in `Publication` and `Playback`.
import { AppError, type CloseReason } from '@headwater/contracts';
import type { FrameKind } from '@headwater/media';
import { Playback, type PlayCall } from './playback.ts';
import { Publication } from './publication.ts';
import {
  nextMessageStreamState,
  type MessageStreamEvent,
  type MessageStreamState,
} from './server-session-state.ts';
import { playRefusal, publishRefusal } from './status.ts';
import type { StreamHost } from './stream-host.ts';

/** A message stream, from createStream to deleteStream. */
export class MessageStream {
  readonly id: number;
  readonly #host: StreamHost;
  #state: MessageStreamState = 'idle';
  #publication: Publication | undefined;
  #playback: Playback | undefined;

  constructor(id: number, host: StreamHost) {
    this.id = id;
    this.#host = host;
  }

  get state(): MessageStreamState {
    return this.#state;
  }

  /** The name that is being published or asked for, without its query. */
  get publishedName(): string | undefined {
    return this.#publication?.name;
  }

  publish(nameAndQuery: string): void {
    if (!this.#move('publish')) {
      const error = new AppError('already_publishing', { details: { messageStreamId: this.id } });
      this.#host.output.status(this.id, publishRefusal(error));
      return;
    }
    const owner = { id: this.id, answered: (isAccepted: boolean) => this.#publishAnswered(isAccepted) };
    this.#publication = new Publication(this.#host, owner, nameAndQuery);
    this.#host.delegate.publish(this.#publication);
  }

  play(call: PlayCall): void {
    // Asking again for what is already being played must not start it twice.
    if (this.#playback?.call.nameAndQuery === call.nameAndQuery) return;
    if (this.#playback !== undefined) this.end('client_closed');
    if (!this.#move('play')) {
      const error = new AppError('play_denied', {
        details: { messageStreamId: this.id, state: this.#state },
      });
      this.#host.output.status(this.id, playRefusal(error));
      return;
    }
    const owner = {
      id: this.id,
      answered: (isAccepted: boolean) => this.#playAnswered(isAccepted),
      ended: (reason: CloseReason) => this.end(reason),
    };
    this.#playback = new Playback(this.#host, owner, call);
    this.#host.delegate.play(this.#playback);
  }

  /** False when nothing is being published here. */
  media(kind: FrameKind, timestampMs: number, payload: Buffer): boolean {
    this.#publication?.media(kind, timestampMs, payload);
    return this.#publication !== undefined;
  }

  letGo(): void {
    this.#publication?.letGo();
  }

  pause(isPaused: boolean): void {
    if (!this.#move(isPaused ? 'pause' : 'resume')) return;
    const code = isPaused ? 'NetStream.Pause.Notify' : 'NetStream.Unpause.Notify';
    this.#host.output.status(this.id, {
      level: 'status',
      code,
      description: isPaused ? 'paused' : 'resumed',
    });
    this.#playback?.pause(isPaused);
  }

  receive(kind: 'audio' | 'video', isWanted: boolean): void {
    this.#playback?.receive(kind, isWanted);
  }

  /** A live stream has no other place to go to. */
  seek(): void {
    const description = 'the stream is live';
    this.#host.output.status(this.id, { level: 'error', code: 'NetStream.Seek.Failed', description });
  }

  /** The client ends what it does here; the stream can be used again. */
  endByClient(): void {
    if (this.#state === 'publishing') {
      const description = this.publishedName?.slice(0, 128) ?? '';
      this.#host.output.status(this.id, {
        level: 'status',
        code: 'NetStream.Unpublish.Success',
        description,
      });
    }
    this.end(this.#publication === undefined ? 'client_closed' : 'unpublished');
  }

  /** Tells the client why the node ends what it does here. */
  announceEnd(reason: CloseReason): void {
    this.#publication?.announceEnd(reason);
    this.#playback?.announceEnd(reason);
  }

  /** Ends whatever is going on, without telling the client. */
  end(reason: CloseReason): void {
    this.#release((publication, playback) => {
      publication?.end(reason);
      playback?.end(reason);
    });
  }

  /** The connection is gone. */
  lost(): void {
    this.#release((publication, playback) => {
      publication?.end('publisher_lost');
      playback?.end('client_closed');
    });
  }

  #publishAnswered(isAccepted: boolean): void {
    if (isAccepted) this.#move('publish-accepted');
    else this.#release((publication) => publication?.end('denied'), this.#host.limits.refusedMs);
  }

  #playAnswered(isAccepted: boolean): void {
    if (isAccepted) this.#move('play-accepted');
    else this.end('denied');
  }

  #release(
    end: (publication: Publication | undefined, playback: Playback | undefined) => void,
    idleMs?: number,
  ): void {
    if (!this.#move('end', idleMs)) return;
    const publication = this.#publication;
    const playback = this.#playback;
    this.#publication = undefined;
    this.#playback = undefined;
    end(publication, playback);
  }

  #move(event: MessageStreamEvent, idleMs?: number): boolean {
    const next = nextMessageStreamState(this.#state, event);
    if (next === undefined) return false;
    this.#state = next;
    this.#host.activityChanged(idleMs);
    return true;
  }
}
