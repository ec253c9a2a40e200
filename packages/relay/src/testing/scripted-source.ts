import type { PullCall, RelaySource } from '../relay-source.ts';

/** A source that hands each pull to the test. */
export class ScriptedSource implements RelaySource {
  readonly calls: PullCall[] = [];
  #answer: ((call: PullCall) => void) | undefined;
  readonly #waiters: ((call: PullCall) => void)[] = [];

  open(call: PullCall): void {
    this.calls.push(call);
    this.#answer?.(call);
    for (const resolve of this.#waiters.splice(0)) resolve(call);
  }

  /** Answers every later pull. */
  onOpen(answer: (call: PullCall) => void): void {
    this.#answer = answer;
  }

  /** The next pull that comes. */
  async nextCall(): Promise<PullCall> {
    return await new Promise((resolve) => {
      this.#waiters.push(resolve);
    });
  }
}
