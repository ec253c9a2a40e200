import type { Clock, Timer } from '@headwater/contracts';

// A check that is later than this was held up by this process, which has not read yet what came meanwhile.
const heldUpMs = 500;
const secondLookMs = 250;

/** Runs `expired` once when nobody touched it for `limitMs`. Touching reads the clock and nothing else. */
export class Watchdog {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #expired: () => void;
  #timer: Timer;
  #touchedMs: number;
  #dueMs: number;
  #hasLookedAgain = false;

  constructor(clock: Clock, limitMs: number, expired: () => void) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#expired = expired;
    this.#touchedMs = clock.nowMs();
    this.#dueMs = this.#touchedMs + limitMs;
    this.#timer = clock.after(limitMs, () => this.#check());
  }

  touch(): void {
    this.#touchedMs = this.#clock.nowMs();
  }

  stop(): void {
    this.#timer.cancel();
  }

  #check(): void {
    const nowMs = this.#clock.nowMs();
    const leftMs = this.#touchedMs + this.#limitMs - nowMs;
    const isHeldUp = nowMs - this.#dueMs > heldUpMs && !this.#hasLookedAgain;
    this.#hasLookedAgain = leftMs <= 0 && isHeldUp;
    if (this.#hasLookedAgain) this.#lookAfter(secondLookMs);
    else if (leftMs <= 0) this.#expired();
    // Timers may fire a fraction early.
    else this.#lookAfter(Math.max(1, leftMs));
  }

  #lookAfter(delayMs: number): void {
    this.#dueMs = this.#clock.nowMs() + delayMs;
    this.#timer = this.#clock.after(delayMs, () => this.#check());
  }
}

/** How a `LivenessWatch` asks and gives up. */
export interface LivenessOptions {
  readonly clock: Clock;
  readonly pingAfterMs: number;
  readonly pingAnswerMs: number;
  readonly ping: () => void;
  readonly dead: () => void;
}

/** Asks a silent peer for a sign of life, and gives it up when none comes. Any byte is one. */
export class LivenessWatch {
  readonly #options: LivenessOptions;
  #watchdog: Watchdog;
  #hasAsked = false;

  constructor(options: LivenessOptions) {
    this.#options = options;
    this.#watchdog = this.#watch();
  }

  touch(): void {
    this.#watchdog.touch();
    if (!this.#hasAsked) return;
    this.#hasAsked = false;
    this.#watchdog.stop();
    this.#watchdog = this.#watch();
  }

  stop(): void {
    this.#watchdog.stop();
  }

  #watch(): Watchdog {
    const { clock, pingAfterMs, pingAnswerMs, ping, dead } = this.#options;
    return new Watchdog(clock, pingAfterMs, () => {
      this.#hasAsked = true;
      this.#watchdog = new Watchdog(clock, pingAnswerMs, dead);
      ping();
    });
  }
}
