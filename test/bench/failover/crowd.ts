import { defer } from '../../support/cleanup.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { nodeArgs, OwnedProcess } from '../measure/owned-process.ts';
import type { CrowdCommand, CrowdState, CrowdTarget } from './crowd-messages.ts';

/** Very many tiny publishers and their viewers, in a process of their own. It ends with `runDeferred` at the latest. */
export class Crowd {
  readonly #target: CrowdTarget;
  readonly #process: OwnedProcess;

  constructor(target: CrowdTarget) {
    this.#target = target;
    this.#process = new OwnedProcess({
      title: 'crowd',
      command: process.execPath,
      args: nodeArgs(new URL('crowd-process.ts', import.meta.url), JSON.stringify(target)),
      core: undefined,
      hasIpc: true,
    });
    defer(() => this.#process.stop());
  }

  /** Resolves when all publish. */
  async publish(timeoutMs: number): Promise<void> {
    await this.#ask({ do: 'publish' });
    const { streams } = this.#target;
    await this.#until('all publish', ({ publishing }) => publishing === streams, timeoutMs);
  }

  /** Lets viewers join until there are so many, on so many streams; resolves when all of them get frames. */
  async watch(viewers: number, streams: number, timeoutMs: number): Promise<void> {
    await this.#ask({ do: 'watch', viewers, streams });
    await this.#until('all watch', ({ watching }) => watching === viewers, timeoutMs);
  }

  /** How it is now; what is counted since the last report begins anew. */
  async report(): Promise<CrowdState> {
    return this.#ask({ do: 'report' });
  }

  async #until(what: string, isSo: (state: CrowdState) => boolean, timeoutMs: number): Promise<void> {
    let last: CrowdState | undefined;
    const isThere = async (): Promise<boolean> => isSo((last = await this.report()));
    await waitUntil(what, isThere, { timeoutMs, intervalMs: 100 }).catch((cause: unknown) => {
      throw new Error(`${what}: not so; ${JSON.stringify(last)}`, { cause });
    });
  }

  async #ask(command: CrowdCommand): Promise<CrowdState> {
    const answer = this.#process.message();
    this.#process.send(command);
    return (await answer) as CrowdState;
  }
}
