// Publishers of one key are decided about one after the other. An encoder that comes back may meet its own last attempt,
// whose connection is gone or half open: the newer one takes its turn instead of being told that it publishes already.
import { AppError, type Clock, type StreamKey } from '@headwater/contracts';
import type { PublishAttempt } from './publish-attempt.ts';
import { within } from './within.ts';

// More attempts for one key at a time than an encoder with a bad network makes.
const maxAttempts = 4;
// What an attempt that was given up takes to notice: a call to the registry and a probe.
const waitMs = 3_000;

/** The attempts that are being decided about. */
export class PublishTurns {
  readonly #clock: Clock;
  readonly #turns = new Map<StreamKey, Set<PublishTurn>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many attempts there are for keys of which that holds. */
  count(isCounted: (key: StreamKey) => boolean): number {
    let count = 0;
    for (const [key, turns] of this.#turns) if (isCounted(key)) count += turns.size;
    return count;
  }

  /** True while an attempt for the key has its turn: nobody else may claim it. */
  isTaken(key: StreamKey): boolean {
    return this.#holder(key) !== undefined;
  }

  /** An attempt begins. It ends by `leave`. Throws `already_publishing` when the key has too many. */
  enter(key: StreamKey, attempt: PublishAttempt): PublishTurn {
    const turns = this.#turns.get(key) ?? new Set();
    if (turns.size >= maxAttempts) throw alreadyPublishing(key);
    const turn = new PublishTurn(attempt, () => {
      turns.delete(turn);
      if (turns.size === 0) this.#turns.delete(key);
    });
    this.#turns.set(key, turns.add(turn));
    return turn;
  }

  /**
   * Resolves when it is that attempt's turn. One that has it gives way when its publisher is gone, or has proven the same
   * credential; else, or when it does not end in time, this rejects with `already_publishing`.
   */
  async take(key: StreamKey, turn: PublishTurn, credential: string | undefined): Promise<void> {
    for (;;) {
      const holder = this.#holder(key);
      if (turn.isSuperseded) throw alreadyPublishing(key);
      if (holder === undefined) break;
      const isSameParty = credential !== undefined && holder.credential === credential;
      if (!holder.isGone && !isSameParty) throw alreadyPublishing(key);
      holder.isSuperseded = true;
      await within(this.#clock, waitMs, holder.left, () => alreadyPublishing(key));
    }
    turn.hold(credential);
  }

  #holder(key: StreamKey): PublishTurn | undefined {
    for (const turn of this.#turns.get(key) ?? []) if (turn.isHeld) return turn;
    return undefined;
  }
}

/** One attempt's place. */
export class PublishTurn {
  readonly attempt: PublishAttempt;
  /** Resolves when the attempt is over. */
  readonly left: Promise<void>;
  /** A newer attempt of the same party waits for this one to end. */
  isSuperseded = false;
  readonly #forget: () => void;
  #resolve: () => void = () => undefined;
  #isHeld = false;
  #credential: string | undefined;

  constructor(attempt: PublishAttempt, forget: () => void) {
    this.attempt = attempt;
    this.#forget = forget;
    this.left = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** What its publisher has proven; known once it has its turn. */
  get credential(): string | undefined {
    return this.#credential;
  }

  /** True once its publisher has gone away. */
  get isGone(): boolean {
    return this.attempt.isCancelled;
  }

  /** True while somebody waits for the attempt's outcome. */
  get isWanted(): boolean {
    return !this.isGone && !this.isSuperseded;
  }

  hold(credential: string | undefined): void {
    this.#isHeld = true;
    this.#credential = credential;
  }

  leave(): void {
    this.#isHeld = false;
    this.#forget();
    this.#resolve();
  }
}

function alreadyPublishing(stream: StreamKey): AppError {
  return new AppError('already_publishing', { details: { stream } });
}
