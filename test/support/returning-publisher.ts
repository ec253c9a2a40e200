import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { defer } from './cleanup.ts';
import type { Child } from './child.ts';
import { startFfmpeg } from './ffmpeg.ts';

const clip = resolve(import.meta.dirname, '../../packages/headwater/assets/demo.flv');
const pauseMs = 200;

/** An ffmpeg that publishes a clip without end, started again whenever its connection breaks. It ends with the test. */
export class ReturningPublisher {
  readonly #url: string;
  #ffmpeg: Child | undefined;
  #isStopped = false;

  private constructor(url: string) {
    this.#url = url;
    defer(() => this.stop());
  }

  static start(url: string): ReturningPublisher {
    const publisher = new ReturningPublisher(url);
    void publisher.#run();
    return publisher;
  }

  stop(): void {
    this.#isStopped = true;
    this.#ffmpeg?.kill('SIGKILL');
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const input = ['-re', '-stream_loop', '-1', '-i', clip];
      this.#ffmpeg = startFfmpeg([...input, '-c', 'copy', '-f', 'flv', this.#url]);
      await this.#ffmpeg.exited;
      await delay(pauseMs);
    }
  }
}
