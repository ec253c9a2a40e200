// One pod as a kubelet runs it: its container's process, the probes, restarts, and an end with preStop, SIGTERM and grace.
// A pod has one container here.
import { setTimeout as delay } from 'node:timers/promises';
import { Child } from '../child.ts';
import type { Container, Probe } from '../chart-workloads.ts';
import { type ContainerStart, containerStart, type PodPlace } from './kube-container.ts';
import type { Pod, PodStatus } from './kube-pod.ts';
import { isProbedWell } from './kube-probe.ts';
import type { KubeStore } from './kube-store.ts';

/** How an image is run without a container engine: which program, with what. */
export type RunImage = (
  image: string,
  start: ContainerStart,
  podIP: string,
) => {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
};

/** What a pod needs around it. */
export interface PodRunnerOptions {
  readonly store: KubeStore;
  readonly place: PodPlace;
  readonly runImage: RunImage;
}

const restartPauseMs = 500;

/** A running pod. */
export class PodRunner {
  /** Resolves when no process of it is left. */
  readonly ended: Promise<void>;
  readonly #pod: Pod;
  readonly #container: Container;
  readonly #options: PodRunnerOptions;
  readonly #stop = new AbortController();
  #child: Child | undefined;
  #restarts = 0;
  #log = '';
  #isEnding = false;
  #isOver = false;

  constructor(pod: Pod, options: PodRunnerOptions) {
    const [container] = pod.spec.containers;
    if (container === undefined) throw new Error(`pod ${pod.metadata.name} has no container`);
    this.#pod = pod;
    this.#container = container;
    this.#options = options;
    this.ended = this.#run().finally(() => {
      this.#isOver = true;
    });
  }

  /** True when no process of it is left. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** What its containers printed. */
  get log(): string {
    return `${this.#log}${this.#child?.stdout ?? ''}${this.#child?.stderr ?? ''}`;
  }

  /** The process id of what runs now. */
  get pid(): number | undefined {
    return this.#child?.exit === undefined ? this.#child?.pid : undefined;
  }

  /** Lets it end as Kubernetes does: preStop and SIGTERM share the grace period, then it is killed. */
  end(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    void this.#end();
  }

  /** Ends it at once. */
  kill(): void {
    this.#isEnding = true;
    this.#stop.abort();
    this.#child?.kill('SIGKILL');
  }

  async #end(): Promise<void> {
    const graceMs = (this.#pod.spec.terminationGracePeriodSeconds ?? 30) * 1000;
    const timeout = new AbortController();
    void delay(graceMs, undefined, { signal: timeout.signal }).then(
      () => this.#child?.kill('SIGKILL'),
      () => undefined,
    );
    const { sleep } = this.#container.lifecycle?.preStop ?? {};
    if (sleep !== undefined) await delay(sleep.seconds * 1000);
    this.#stop.abort();
    this.#child?.kill('SIGTERM');
    await this.ended;
    timeout.abort();
  }

  async #run(): Promise<void> {
    this.#report('Pending', false);
    while (!this.#stop.signal.aborted) {
      const code = await this.#runOnce();
      if (this.#pod.spec.restartPolicy === 'Never') {
        this.#report(code === 0 ? 'Succeeded' : 'Failed', false);
        return;
      }
      if (isAborted(this.#stop.signal)) return;
      this.#restarts++;
      this.#report('Running', false);
      await delay(restartPauseMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    }
  }

  async #runOnce(): Promise<number | null> {
    const { store, place, runImage } = this.#options;
    const start = await containerStart(store, this.#pod, { container: this.#container, place });
    const { program, args, env } = runImage(this.#container.image, start, place.podIP);
    this.#log = this.log;
    const child = new Child({ name: this.#pod.metadata.name, program, args, env, cwd: place.folder });
    this.#child = child;
    const probing = new AbortController();
    const probes = this.#probe(child, AbortSignal.any([probing.signal, this.#stop.signal]));
    const { code } = await child.exited;
    probing.abort();
    await probes;
    return code;
  }

  async #probe(child: Child, signal: AbortSignal): Promise<void> {
    const { startupProbe, livenessProbe, readinessProbe } = this.#container;
    this.#report('Running', false);
    const hasStarted = await this.#untilWell(startupProbe, signal);
    if (signal.aborted) return;
    if (!hasStarted) child.kill('SIGKILL');
    const live =
      livenessProbe && this.#follow(livenessProbe, signal, (isWell) => isWell || child.kill('SIGKILL'));
    if (readinessProbe === undefined) this.#report('Running', true);
    const ready =
      readinessProbe && this.#follow(readinessProbe, signal, (isWell) => this.#report('Running', isWell));
    await Promise.all([live, ready]);
  }

  /** False when it failed as often as it may. */
  async #untilWell(probe: Probe | undefined, signal: AbortSignal): Promise<boolean> {
    if (probe === undefined) return true;
    const { periodSeconds = 10, failureThreshold = 3 } = probe;
    for (let failures = 0; failures < failureThreshold && !signal.aborted; failures++) {
      if (await isProbedWell(probe, this.#container, this.#options.place.podIP)) return true;
      await delay(periodSeconds * 1000, undefined, { signal }).catch(() => undefined);
    }
    return false;
  }

  /** Tells what the probe says: well at once, not well when it failed as often as it may. */
  async #follow(probe: Probe, signal: AbortSignal, tell: (isWell: boolean) => void): Promise<void> {
    const { periodSeconds = 10, failureThreshold = 3 } = probe;
    let failures = 0;
    while (!signal.aborted) {
      const isWell = await isProbedWell(probe, this.#container, this.#options.place.podIP);
      if (isAborted(signal)) return;
      failures = isWell ? 0 : failures + 1;
      if (isWell || failures === failureThreshold) tell(isWell);
      await delay(periodSeconds * 1000, undefined, { signal }).catch(() => undefined);
    }
  }

  #report(phase: PodStatus['phase'], isReady: boolean): void {
    const { store, place } = this.#options;
    const { metadata } = this.#pod;
    const now = store.get('Pod', metadata.namespace, metadata.name) as Pod | undefined;
    if (now?.metadata.uid !== metadata.uid) return;
    const status: PodStatus = {
      phase,
      podIP: place.podIP,
      hostIP: place.hostIP,
      conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False' }],
      containerStatuses: [{ name: this.#container.name, restartCount: this.#restarts }],
    };
    store.put({ ...now, status });
  }
}

// Read anew after each wait, whatever the compiler concluded before it.
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
