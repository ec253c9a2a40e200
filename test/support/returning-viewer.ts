import { setTimeout as delay } from 'node:timers/promises';
import { ProtocolError } from '@headwater/contracts';
import { classifyFrame, FlvReader } from '@headwater/media';
import { defer } from './cleanup.ts';
import { waitUntil } from './wait-until.ts';

const pauseMs = 100;

/** A viewer by HTTP-FLV who asks for the same URL again when the stream breaks off. It leaves with the test. */
export class ReturningViewer {
  /** How often the stream broke off. */
  cuts = 0;
  /** What it was answered instead of a stream. */
  readonly refusals: string[] = [];
  readonly #url: string;
  readonly #gone = new AbortController();
  readonly #servedBy: string[] = [];
  #frames = 0;

  private constructor(url: string) {
    this.#url = url;
    defer(() => this.stop());
  }

  static start(url: string): ReturningViewer {
    const viewer = new ReturningViewer(url);
    void viewer.#run();
    return viewer;
  }

  /** Resolves when it has seen that many more frames of video than now. */
  async untilMoreVideo(frames: number): Promise<void> {
    const wanted = this.#frames + frames;
    await waitUntil(`the viewer sees ${frames} more frames`, () => this.#frames >= wanted, {
      timeoutMs: 20_000,
    }).catch((cause: unknown) => {
      throw new Error(this.describe(), { cause });
    });
  }

  /** What happened to it, for messages. */
  describe(): string {
    const by = this.#servedBy.join(', ');
    return `${this.#frames} frames of ${by}; ${this.cuts} cuts; refused: ${this.refusals.join(', ') || 'never'}`;
  }

  stop(): void {
    this.#gone.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#gone;
    while (!signal.aborted) {
      try {
        const response = await fetch(this.#url, { signal });
        if (response.ok && response.body !== null) await this.#watch(response);
        else this.refusals.push(String(response.status));
      } catch (error) {
        if (isAborted(signal)) return;
        this.refusals.push(
          error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error),
        );
      }
      await delay(pauseMs);
    }
  }

  async #watch({ url, body }: Response): Promise<void> {
    this.#servedBy.push(new URL(url).host);
    const reader = new FlvReader();
    try {
      for await (const bytes of body ?? []) {
        reader.read(Buffer.from(bytes as Uint8Array), ({ kind, payload }) => {
          if (kind === 'video' && classifyFrame(kind, payload) !== 'header') this.#frames++;
        });
      }
    } catch (error) {
      // A connection that broke is an end like any other.
      if (error instanceof ProtocolError) throw error;
    }
    if (!isAborted(this.#gone.signal)) this.cuts++;
  }
}

// Read anew after each wait, whatever the compiler concluded before it.
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
