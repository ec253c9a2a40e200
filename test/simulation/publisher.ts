// A publisher of one stream: an encoder behind a load balancer that comes back when it loses its connection.
import type { AppError, CloseReason, StreamKey, Timer } from '@headwater/contracts';
import { PublishSession, type PublishAttempt } from '@headwater/origin';
import type { PublishControl, PublishReceiver } from '@headwater/rtmp';
import { headerPayload, picturePayload } from './frame-bytes.ts';
import type { OriginNode } from './origin-node.ts';
import { frameMs } from './settings.ts';
import type { Surroundings } from './surroundings.ts';

/** How long an encoder waits for an answer, or for a connection to take its bytes. */
const patienceMs = 3_000;

/** What a publisher is made of. */
export interface PublisherOptions {
  readonly stream: StreamKey;
  /** Empty for none. */
  readonly token: string;
  /** An origin for the next connection; undefined when all refuse. */
  readonly loadBalancer: () => OriginNode | undefined;
}

/** Publishes for as long as it wants to. */
export class SimulatedPublisher {
  readonly stream: StreamKey;
  readonly token: string;
  readonly name: string;
  readonly #world: Surroundings;
  readonly #loadBalancer: () => OriginNode | undefined;
  #connection: Connection | undefined;
  #isWanted = false;
  #isComing = false;

  constructor(world: Surroundings, options: PublisherOptions) {
    const { stream, token, loadBalancer } = options;
    this.#world = world;
    this.#loadBalancer = loadBalancer;
    this.stream = stream;
    this.token = token;
    this.name = `publisher ${token} of ${stream}`;
  }

  get isWanted(): boolean {
    return this.#isWanted;
  }

  /** The node that has accepted it; undefined while it is on its way. */
  get publishesTo(): OriginNode | undefined {
    return this.#connection?.isAccepted === true ? this.#connection.node : undefined;
  }

  start(): void {
    this.#isWanted = true;
    this.#come(0);
  }

  /** Ends its stream, saying so. */
  stop(): void {
    this.#isWanted = false;
    this.#connection?.leave('unpublished');
    this.#connection = undefined;
  }

  /** Its connection breaks. The origin notices, unless it is a half-open one. */
  lose(isHalfOpen: boolean): void {
    if (this.#connection === undefined) return;
    if (isHalfOpen) this.#connection.fallSilent();
    else this.#connection.leave('client_closed');
    this.#connection = undefined;
    this.#come(300 + 1_500 * this.#world.random.next());
  }

  #come(afterMs: number): void {
    if (this.#isComing || this.#connection !== undefined) return;
    this.#isComing = true;
    this.#world.clock.after(afterMs, () => {
      this.#isComing = false;
      if (this.#isWanted && this.#connection === undefined) this.#connect();
    });
  }

  #connect(): void {
    const node = this.#loadBalancer();
    if (node === undefined) {
      this.#come(500);
      return;
    }
    const connection = new Connection(
      this.#world,
      { node, stream: this.stream, token: this.token },
      (why) => {
        if (this.#connection !== connection) return;
        if (this.#world.isTracing) this.#world.trace(`${this.name} lost ${node.name}: ${why}`);
        this.#connection = undefined;
        if (this.#isWanted) this.#come(300 + 1_500 * this.#world.random.next());
      },
    );
    this.#connection = connection;
    if (this.#world.isTracing) {
      this.#world.trace(`${this.name} comes to ${node.name} (session ${connection.session})`);
    }
    connection.open();
  }
}

interface ConnectionOptions {
  readonly node: OriginNode;
  readonly stream: StreamKey;
  readonly token: string;
}

/** One connection to one origin: what the node's RTMP session would make of it. */
class Connection implements PublishAttempt {
  readonly app: string;
  readonly name: string;
  readonly params: ReadonlyMap<string, string>;
  readonly node: OriginNode;
  readonly session: number;
  readonly #world: Surroundings;
  readonly #stream: StreamKey;
  readonly #over: (why: string) => void;
  readonly #process;
  #receiver: PublishReceiver | undefined;
  /** The node knows that it is over. */
  #isOverAtNode = false;
  /** The encoder knows. */
  #isOver = false;
  #isSilent = false;
  #sender: Timer | undefined;
  #index = 0;
  #ownMs: number;
  #isAccepted = false;

  constructor(world: Surroundings, options: ConnectionOptions, over: (why: string) => void) {
    const { node, stream, token } = options;
    const [app = '', name = ''] = stream.split('/');
    this.app = app;
    this.name = name;
    this.params = new Map([['token', token]]);
    this.node = node;
    this.session = world.nextSession();
    this.#world = world;
    this.#stream = stream;
    this.#over = over;
    this.#process = node.process;
    this.#ownMs = world.random.chance(0.5) ? 0 : world.random.below(100_000);
    this.#process.onDeath.add(this.#died);
  }

  get isAccepted(): boolean {
    return this.#isAccepted && !this.#isOver;
  }

  get isCancelled(): boolean {
    return this.#isOverAtNode && this.#receiver === undefined;
  }

  open(): void {
    this.#arrive(() => {
      const context = { sessionId: String(this.session), protocol: 'rtmp', remoteAddress: '' } as const;
      void this.node.publish(this, context, this.#process);
    });
    this.#world.clock.after(10_000, () => {
      if (!this.#isAccepted) this.#giveUp('no answer');
    });
  }

  accept(receiver: PublishReceiver): PublishControl {
    if (this.isCancelled) {
      receiver.ended('client_closed');
      return { close: () => undefined, requestReconnect: () => false };
    }
    this.#receiver = receiver;
    if (this.#world.isTracing) {
      this.#world.trace(`${this.node.name} accepts session ${this.session} of ${this.#stream}`);
    }
    this.#return(() => {
      this.#isAccepted = true;
      this.#send();
      if (!this.#isOver) this.#sender = this.#world.clock.every(frameMs, this.#send);
    });
    return {
      close: (reason) => {
        this.#endAtNode(reason);
        this.#return(() => {
          this.#giveUp(reason);
        });
      },
      requestReconnect: () => {
        this.#return(() => {
          this.#giveUp('asked to reconnect', 'unpublished');
        });
        return true;
      },
    };
  }

  refuse(error: AppError): void {
    this.#isOverAtNode = true;
    this.#return(() => {
      this.#giveUp(error.code);
    });
  }

  /** The encoder ends it. */
  leave(reason: CloseReason): void {
    if (this.#isOver) return;
    this.#finish();
    this.#arrive(() => {
      this.#endAtNode(reason);
    });
  }

  /** The encoder is gone, and the node does not hear of it for a long time. */
  fallSilent(): void {
    if (this.#isOver) return;
    this.#finish();
    this.#isSilent = true;
    this.#world.clock.after(8_000, () => {
      this.#arrive(() => {
        this.#endAtNode('timeout');
      });
    });
  }

  readonly #died = (): void => {
    this.#world.clock.after(2, () => {
      this.#giveUp('connection reset');
    });
  };

  readonly #send = (): void => {
    if (this.#isOver) return;
    const process = this.#process;
    if (process.state === 'frozen' && this.#world.clock.nowMs() - process.frozenSinceMs > patienceMs) {
      this.#giveUp('nothing is taken');
      return;
    }
    const { session } = this;
    const index = this.#index++;
    const timestampMs = this.#ownMs;
    if (index === 0) {
      this.#media(timestampMs, headerPayload(session, index), index);
      this.#send();
      return;
    }
    this.#ownMs += frameMs;
    this.#media(timestampMs, picturePayload(session, index, index % 2 === 1), index);
  };

  #media(timestampMs: number, payload: Buffer, index: number): void {
    this.#arrive(() => {
      const receiver = this.#receiver;
      if (receiver === undefined || this.#isOverAtNode || this.#isSilent) return;
      if (receiver instanceof PublishSession && receiver.stream.state === 'live') {
        const { epoch } = receiver.stream;
        this.#world.ledger.take({
          stream: this.#stream,
          epoch,
          session: this.session,
          index,
          by: this.#process,
        });
      }
      receiver.media('video', timestampMs, payload);
    });
  }

  #giveUp(why: string, reason: CloseReason = 'client_closed'): void {
    if (this.#isOver) return;
    this.leave(reason);
    this.#over(why);
  }

  #finish(): void {
    this.#isOver = true;
    this.#sender?.cancel();
    this.#process.onDeath.delete(this.#died);
  }

  #endAtNode(reason: CloseReason): void {
    if (this.#isOverAtNode) return;
    this.#isOverAtNode = true;
    this.#receiver?.ended(reason);
  }

  /** At the node, after everything that went there before. */
  #arrive(run: () => void): void {
    this.#world.clock.after(1, () => {
      this.#process.deliver(run);
    });
  }

  /** At the encoder. */
  #return(run: () => void): void {
    this.#world.clock.after(1, () => {
      if (!this.#isOver) run();
    });
  }
}
