// Standbys are a comfort, and each costs two origins a pull: after a failover with very many streams they come one after
// the other, so that publishers and viewers who want to come back find room.
import type { FailoverAction } from './plan.ts';

/** So many standbys are appointed in a second, at most. */
const perSecond = 100;
/** So many in one go, after a while without any. */
const burst = 32;

/** Lets through what a plan may do now. */
export class StandbyPace {
  #allowed = burst;
  #atMs: number | undefined;

  /** All steps but the standbys that have to wait. */
  take(actions: readonly FailoverAction[], nowMs: number): readonly FailoverAction[] {
    const passedMs = nowMs - (this.#atMs ?? nowMs);
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
