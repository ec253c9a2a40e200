import type { AppError, CloseReason } from '@headwater/contracts';
import type {
  ClientInfo,
  PlayControl,
  PlayRequest,
  PublishControl,
  PublishRequest,
  RtmpServerDelegate,
} from '../server-delegate.ts';

/** Writes down all it is told, one line each, and answers requests when asked to. */
export class RecordingDelegate implements RtmpServerDelegate {
  readonly events: string[] = [];
  readonly publishes: PublishRequest[] = [];
  readonly plays: PlayRequest[] = [];
  readonly payloads: Buffer[] = [];
  client: ClientInfo | undefined;
  closedReason: CloseReason | undefined;
  closedError: AppError | undefined;
  /** Answers every request at once. */
  isAccepting = false;
  /** What `connect` returns. */
  connectError: AppError | undefined;

  connect(client: ClientInfo): AppError | undefined {
    this.client = client;
    return this.connectError;
  }

  publish(request: PublishRequest): void {
    this.publishes.push(request);
    this.events.push(`publish ${request.app}/${request.name}`);
    if (this.isAccepting) this.acceptPublish();
  }

  play(request: PlayRequest): void {
    this.plays.push(request);
    this.events.push(`play ${request.app}/${request.name} on ${request.messageStreamId}`);
    request.onCancel(() => this.events.push(`cancelled ${request.name}`));
    if (this.isAccepting) this.acceptPlay();
  }

  closed(reason: CloseReason, error?: AppError): void {
    this.events.push(`closed ${reason}`);
    this.closedReason = reason;
    this.closedError = error;
  }

  /** Accepts the latest publish. */
  acceptPublish(request: PublishRequest | undefined = this.publishes.at(-1)): PublishControl {
    if (request === undefined) throw new Error('nothing was asked');
    return request.accept({
      media: (kind, timestampMs, payload) => {
        this.payloads.push(payload);
        this.events.push(`${kind} ${timestampMs} ${payload.length}`);
      },
      ended: (reason) => this.events.push(`publish of ${request.name} ended: ${reason}`),
    });
  }

  /** Accepts the latest play. */
  acceptPlay(request: PlayRequest | undefined = this.plays.at(-1)): PlayControl {
    if (request === undefined) throw new Error('nothing was asked');
    return request.accept({
      pause: (isPaused) => this.events.push(isPaused ? 'paused' : 'resumed'),
      receive: (kind, isWanted) => this.events.push(`${kind} ${isWanted ? 'wanted' : 'unwanted'}`),
      ended: (reason) => this.events.push(`play of ${request.name} ended: ${reason}`),
    });
  }
}
