// A Kubernetes of one machine that is just enough for a chart to be installed and to run: an API server for Helm, the
// controllers of workloads, and a kubelet that starts the containers' commands as processes. Each pod and each Service has a
// loopback address of its own, so that all keep their real ports. What there is not: images, isolation, schedulers, network
// policies.
import { randomInt } from 'node:crypto';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { defer } from '../cleanup.ts';
import { tempFolder } from '../temp-folder.ts';
import { KubeApiServer } from './kube-api-server.ts';
import { reconcileWorkloads } from './kube-controllers.ts';
import { type Pod, podsIn } from './kube-pod.ts';
import { PodRunner } from './kube-pod-runner.ts';
import { KubeServices } from './kube-services.ts';
import { KubeStore } from './kube-store.ts';
import type { ContainerStart } from './kube-container.ts';

const main = resolve(import.meta.dirname, '../../../packages/headwater/dist/main.js');
const hostsHook = resolve(import.meta.dirname, 'kube-hosts.mjs');
const hostIP = '127.0.0.1';

/** A running cluster. All of it ends with the test, or with the file when it was started outside of one. */
export class MiniKubernetes {
  readonly store: KubeStore;
  /** For Helm. */
  readonly env: Readonly<Record<string, string>>;
  readonly #folder: string;
  readonly #hostsFile: string;
  readonly #services: KubeServices;
  readonly #runners = new Map<string, PodRunner>();
  readonly #network: string;
  #addresses = 0;
  #isScheduled = false;
  #isClosed = false;

  private constructor(store: KubeStore, folder: string) {
    this.store = store;
    this.#folder = folder;
    this.#hostsFile = join(folder, 'hosts.json');
    // Another cluster on this machine has another network, most likely.
    this.#network = `127.${randomInt(64, 250)}.${randomInt(1, 250)}`;
    this.#services = new KubeServices(store, () => this.#nextAddress());
    this.env = {
      KUBECONFIG: join(folder, 'kubeconfig'),
      HELM_CACHE_HOME: join(folder, 'cache'),
      HELM_CONFIG_HOME: join(folder, 'config'),
      HELM_DATA_HOME: join(folder, 'data'),
      HOME: folder,
    };
  }

  static async start(): Promise<MiniKubernetes> {
    const cluster = new MiniKubernetes(new KubeStore(), await tempFolder());
    const { store } = cluster;
    const server = await KubeApiServer.start(store, (pod) => cluster.logOf(pod.metadata.name));
    const context = { cluster: 'mini', user: 'mini', namespace: 'default' };
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'mini',
      clusters: [{ name: 'mini', cluster: { server: server.url } }],
      contexts: [{ name: 'mini', context }],
      users: [{ name: 'mini', user: {} }],
    };
    writeFileSync(cluster.env['KUBECONFIG'] ?? '', JSON.stringify(config));
    cluster.#writeHosts();
    const stop = store.watch(0, () => cluster.#schedule());
    defer(async () => {
      stop();
      server.close();
      await cluster.#close();
    });
    return cluster;
  }

  /** The pods of a role of the chart. */
  podsOf(role: string): readonly Pod[] {
    return podsIn(this.store).filter(
      ({ metadata }) => metadata.labels?.['app.kubernetes.io/component'] === role,
    );
  }

  /** The address of a Service, `host:port`. */
  addressOf(service: string, port: string): string {
    const found = this.store.list('Service').find(({ metadata }) => metadata.name === service);
    const { clusterIP, ports } = found?.spec as {
      clusterIP: string;
      ports: { name: string; port: number }[];
    };
    return `${clusterIP}:${ports.find(({ name }) => name === port)?.port ?? ''}`;
  }

  /** What a pod's containers printed, also after its end. */
  logOf(podName: string): string {
    return [...this.#runners].find(([key]) => key.startsWith(`${podName} `))?.[1].log ?? '';
  }

  /** How many pods have a process. */
  get running(): number {
    return [...this.#runners.values()].filter(({ pid }) => pid !== undefined).length;
  }

  /** How often containers that are there now were started again. */
  get restarts(): number {
    const statuses = podsIn(this.store).flatMap(({ status }) => status?.containerStatuses ?? []);
    return statuses.reduce((sum, { restartCount }) => sum + restartCount, 0);
  }

  /** How its pods are and what they printed last, for messages. */
  report(): string {
    const pods = podsIn(this.store).map(({ metadata, status }) => {
      const is = `${status?.phase ?? 'Pending'} ${JSON.stringify(status?.conditions)}`;
      return `${metadata.name}: ${is}\n${this.logOf(metadata.name).slice(-1000)}`;
    });
    return pods.join('\n');
  }

  async #close(): Promise<void> {
    this.#isClosed = true;
    this.#services.close();
    for (const runner of this.#runners.values()) runner.kill();
    await Promise.all([...this.#runners.values()].map(async ({ ended }) => ended));
  }

  /** One look at everything for all changes of a moment. */
  #schedule(): void {
    if (this.#isScheduled || this.#isClosed) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      if (this.#isClosed) return;
      reconcileWorkloads(this.store);
      this.#services.reconcile();
      this.#runPods();
      this.#writeHosts();
    });
  }

  #runPods(): void {
    for (const pod of podsIn(this.store)) {
      const { name, uid, deletionTimestamp } = pod.metadata;
      const key = `${name} ${uid}`;
      const runner = this.#runners.get(key);
      if (deletionTimestamp !== undefined) {
        if (runner === undefined || runner.isOver) this.store.remove(pod);
        else runner.end();
      } else if (runner === undefined) {
        void this.#runPod(key, pod);
      }
    }
  }

  async #runPod(key: string, pod: Pod): Promise<void> {
    const podIP = this.#nextAddress();
    const folder = join(this.#folder, podIP);
    const place = { podIP, hostIP, folder };
    const runImage = (image: string, start: ContainerStart) => this.#runImage(image, start, podIP);
    // The pod runs as soon as it is made, in its folder.
    mkdirSync(folder, { recursive: true });
    const runner = new PodRunner(pod, { store: this.store, place, runImage });
    this.#runners.set(key, runner);
    await runner.ended;
    const { kind, metadata } = pod;
    const now = this.store.get(kind, metadata.namespace, metadata.name);
    if (now?.metadata.uid === metadata.uid && now.metadata.deletionTimestamp !== undefined) {
      this.store.remove(now);
    }
  }

  /** The images that the chart uses, as the programs on this machine that are in them. */
  #runImage(image: string, { command, args, env }: ContainerStart, podIP: string) {
    const surroundings = { KUBE_HOSTS: this.#hostsFile, NODE_ENV: 'production' };
    if (image.includes('valkey/valkey:')) {
      return { program: 'redis-server', args: [...args, '--bind', podIP], env };
    }
    if (command.length > 0) throw new Error(`image ${image} has an entrypoint of its own`);
    // A pod that listens on all interfaces has those of its own network.
    const bind = args.includes('--config') ? { HEADWATER_BIND: podIP } : {};
    return {
      program: process.execPath,
      args: ['--import', hostsHook, '--enable-source-maps', main, ...args],
      // All pods share this machine, so that any loop may be busy for a while.
      env: { HEADWATER_LIMITS_LOOP_BUSY: '0', ...env, ...surroundings, ...bind },
    };
  }

  #nextAddress(): string {
    return `${this.#network}.${++this.#addresses}`;
  }

  #writeHosts(): void {
    // Whole at any time.
    writeFileSync(`${this.#hostsFile}.new`, JSON.stringify(this.#services.hosts()));
    renameSync(`${this.#hostsFile}.new`, this.#hostsFile);
  }
}
