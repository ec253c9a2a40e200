// Standbys are a comfort, and each costs two origins a pull: after a failover with very many streams they come one after
// the other, so that publishers and viewers who want to come back find room.
import type { FailoverAction } from './plan.ts';

/** So many standbys are appointed in a second, at most. */
const perSecond = 100;
/** So many in one go, after a while without any. */
const burst = 32;
/** After a verdict no further ones: within this time most publishers are back, and each of them is worth more. */
const restMs = 3_000;

/** Lets through what a plan may do now. */
export class StandbyPace {
  #allowed = burst;
  #atMs: number | undefined;
  #restsUntilMs = Number.NEGATIVE_INFINITY;

  /** A node is held for dead: its publishers are on their way to the others. */
  nodeDied(nowMs: number): void {
    this.#restsUntilMs = nowMs + restMs;
  }

  /** True when a standby that has to wait now may have its turn soon. */
  isMoving(nowMs: number): boolean {
    return nowMs >= this.#restsUntilMs;
  }

  /** All steps but the standbys that have to wait. */
  take(actions: readonly FailoverAction[], nowMs: number): readonly FailoverAction[] {
    const passedMs = Math.max(0, nowMs - Math.max(this.#atMs ?? nowMs, this.#restsUntilMs));
    this.#atMs = nowMs;
    this.#allowed = Math.min(burst, this.#allowed + (passedMs * perSecond) / 1_000);
    return actions.filter(({ type }) => {
      if (type !== 'set_standby') return true;
      if (this.#allowed < 1) return false;
      this.#allowed--;
      return true;
    });
  }
}
