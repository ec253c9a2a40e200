import type { StatusObject } from '@grpc/grpc-js';
import {
  AppError,
  ProtocolError,
  toAppError,
  type Clock,
  type CloseReason,
  type Timer,
} from '@headwater/contracts';
import type { ClientCallEnd, DialCall } from './call-ends.ts';
import { Reach, type PullRequest as PullRequestMessage } from './generated/relay.ts';
import type { OpenedInfo, PullReach, PullRequest } from './pull.ts';
import type { Pull, PullHandler } from './pull-handler.ts';
import { decodePullItem, type PullItem } from './pull-item.ts';
import { errorOf, isDecision } from './relay-status.ts';

/** `opening` until the owner answers, `open` while it sends, `closed` from the end on. */
export type ClientPullPhase = 'opening' | 'open' | 'closed';

/** What a client pull is made of. */
export interface ClientPullOptions {
  readonly address: string;
  readonly request: PullRequest;
  readonly handler: PullHandler;
  readonly dial: DialCall;
  readonly clock: Clock;
  readonly openingMs: number;
  /** Counts a message. */
  readonly onReceived: (bytes: number) => void;
  /** Called once, whoever ends the pull; `error` when it failed, `isBroken` when that is the connection's fault. */
  readonly onClosed: (error: AppError | undefined, isBroken: boolean) => void;
}

/** One `Relay.Pull` at its puller. Made by `RelayClient`. */
export class ClientPull implements Pull {
  readonly #options: ClientPullOptions;
  readonly #call: ClientCallEnd;
  readonly #openingTimer: Timer;
  #finishTimer: Timer | undefined;
  #phase: ClientPullPhase = 'opening';
  #epoch = 0;

  constructor(options: ClientPullOptions) {
    this.#options = options;
    const { dial, request, clock, openingMs } = options;
    this.#call = dial(messageOf(request), {
      item: (bytes) => {
        this.#receive(bytes);
      },
      failed: (status) => {
        this.#callFailed(status);
      },
      ended: () => {
        this.#finishTimer?.cancel();
        this.#fail(this.#error('the pull ended without a reason'), false);
      },
    });
    this.#openingTimer = clock.after(openingMs, () => {
      this.#fail(this.#error(`no answer within ${openingMs} ms`), true);
    });
  }

  close(): void {
    if (this.#finish(false, undefined)) this.#call.cancel();
  }

  #receive(bytes: Buffer): void {
    if (this.#phase === 'closed') return;
    this.#options.onReceived(bytes.length);
    try {
      const item = decodePullItem(bytes);
      if (item !== undefined) this.#accept(item);
    } catch (caught) {
      this.#fail(toAppError(caught), false);
    }
  }

  #accept(item: PullItem): void {
    const { handler } = this.#options;
    if ((item.type === 'opened') !== (this.#phase === 'opening')) {
      throw new ProtocolError('pull does not begin with one opening', 0, { item: item.type });
    }
    if (item.type === 'opened') this.#open(item.info);
    else if (item.type === 'frames') this.#deliver(item);
    else if (item.type === 'state') handler.state(item.state);
    else this.#end(item.reason);
  }

  #open(info: OpenedInfo): void {
    const { minEpoch } = this.#options.request;
    if (minEpoch !== undefined && info.epoch < minEpoch) {
      throw new AppError('epoch_stale', { details: { ...this.#context(), epoch: info.epoch, minEpoch } });
    }
    this.#phase = 'open';
    this.#epoch = info.epoch;
    this.#openingTimer.cancel();
    this.#options.handler.opened(info);
  }

  #deliver(item: PullItem & { type: 'frames' }): void {
    if (item.epoch !== undefined && item.epoch !== this.#epoch) {
      throw new ProtocolError('frames of another epoch', 0, { epoch: item.epoch, opened: this.#epoch });
    }
    if (item.frames.length > 0) this.#options.handler.frames(item.frames);
  }

  // The owner closes the call by itself; resetting it would make many ends at a time look like an attack to HTTP/2.
  #end(reason: CloseReason): void {
    const { clock, openingMs, handler } = this.#options;
    this.#finish(false, undefined);
    this.#finishTimer = clock.after(openingMs, () => {
      this.#call.cancel();
    });
    handler.ended(reason);
  }

  #callFailed(status: Partial<StatusObject>): void {
    this.#finishTimer?.cancel();
    this.#fail(errorOf(status, this.#context()), !isDecision(status));
  }

  #fail(error: AppError, isBroken: boolean): void {
    if (!this.#finish(isBroken, error)) return;
    this.#call.cancel();
    this.#options.handler.failed(error);
  }

  #finish(isBroken: boolean, error: AppError | undefined): boolean {
    if (this.#phase === 'closed') return false;
    this.#phase = 'closed';
    this.#openingTimer.cancel();
    this.#options.onClosed(error, isBroken);
    return true;
  }

  #error(what: string): AppError {
    return new AppError('upstream_unavailable', { details: { ...this.#context(), what } });
  }

  #context(): { stream: string; address: string } {
    return { stream: this.#options.request.stream, address: this.#options.address };
  }
}

const reachCodes: Readonly<Record<PullReach, Reach>> = {
  owner: Reach.UNSPECIFIED,
  peer: Reach.PEER,
  agent: Reach.AGENT,
  shield: Reach.SHIELD,
};

function messageOf(request: PullRequest): PullRequestMessage {
  return {
    stream: request.stream,
    nodeId: request.nodeId,
    minEpoch: request.minEpoch,
    resumeEpoch: request.resume?.epoch,
    resumeSequence: request.resume?.sequence,
    reach: reachCodes[request.reach ?? 'owner'],
  };
}
