// The smallest cluster of processes: Redis, an origin and an edge, on the core that measured servers get; what loads them
// runs on the other, this process included.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PublishersAnswer, PublishersTarget } from '../ingest/ingest-messages.ts';
import type { StreamRate } from '../load/synthetic-stream.ts';
import type { ViewerFormat } from '../load/viewer.ts';
import { planCores } from '../measure/machine.ts';
import { nodeArgs, OwnedProcess } from '../measure/owned-process.ts';
import { APP, LOOPBACK, STREAM } from '../servers/contender.ts';
import { freePort, waitForPort, waitUntil } from '../servers/ports.ts';

const program = fileURLToPath(new URL('../../../packages/headwater/dist/main.js', import.meta.url));
const STARTS_PER_SECOND = 100;

interface ReadyFile {
  readonly rtmp: string;
  readonly http?: string;
}

/** A running cluster; `stop` ends all of it. */
export class JoinCluster {
  readonly #directory = mkdtempSync(path.join(os.tmpdir(), 'headwater-join-'));
  readonly #cores = planCores();
  readonly #processes: OwnedProcess[] = [];
  #originPort = 0;
  #edgePorts: Readonly<Record<ViewerFormat, number>> = { rtmp: 0, flv: 0 };

  private constructor() {
    if (this.#cores.load === undefined) return;
    execFileSync('taskset', ['-cp', String(this.#cores.load), String(process.pid)], { stdio: 'ignore' });
  }

  static async start(): Promise<JoinCluster> {
    const cluster = new JoinCluster();
    try {
      await cluster.#start();
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** Where viewers connect, by format. */
  get edgePorts(): Readonly<Record<ViewerFormat, number>> {
    return this.#edgePorts;
  }

  /** Starts that many publishers at the origin; resolves when all streams are accepted. */
  async publish(publishers: number, rate: StreamRate): Promise<void> {
    const where = { host: LOOPBACK, port: this.#originPort, app: APP, name: STREAM };
    const target: PublishersTarget = { ...where, rate, publishers, startsPerSecond: STARTS_PER_SECOND };
    const file = new URL('../ingest/publishers-process.ts', import.meta.url);
    const owned = new OwnedProcess({
      title: 'publishers',
      command: process.execPath,
      args: nodeArgs(file, JSON.stringify(target)),
      core: this.#cores.load,
      hasIpc: true,
    });
    this.#processes.push(owned);
    const answer = (await owned.message()) as PublishersAnswer;
    if (answer.done === 'failed') throw new Error(`publishing failed: ${answer.reason}`);
  }

  async stop(): Promise<void> {
    for (const owned of this.#processes.toReversed()) await owned.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #start(): Promise<void> {
    const port = await freePort();
    const options = ['--bind', LOOPBACK, '--port', String(port), '--save', '', '--appendonly', 'no'];
    await waitForPort(this.#launch('redis', 'redis-server', options), port);
    const redis = `redis://${LOOPBACK}:${String(port)}`;
    this.#originPort = portOf((await this.#startNode('origin', redis)).rtmp);
    const edge = await this.#startNode('edge', redis);
    this.#edgePorts = { rtmp: portOf(edge.rtmp), flv: portOf(edge.http ?? '') };
  }

  async #startNode(role: 'origin' | 'edge', redis: string): Promise<ReadyFile> {
    const readyFile = path.join(this.#directory, `${role}.json`);
    const registry = ['registry.kind=redis', `registry.redis.url=${redis}`];
    const ports = ['rtmp', 'http', 'admin', 'relay'].map((name) => `${name}.port=0`);
    const settings = [`node.id=${role}`, `bind=${LOOPBACK}`, ...registry, ...ports];
    const args = [program, role, ...settings.flatMap((one) => ['--set', one]), '--ready-file', readyFile];
    const owned = this.#launch(role, process.execPath, args);
    await waitUntil(owned, role, () => existsSync(readyFile) && readFileSync(readyFile).length > 0);
    return JSON.parse(readFileSync(readyFile, 'utf8')) as ReadyFile;
  }

  #launch(title: string, command: string, args: readonly string[]): OwnedProcess {
    const { server: core } = this.#cores;
    const owned = new OwnedProcess({ title, command, args, core, cwd: this.#directory });
    this.#processes.push(owned);
    return owned;
  }
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}
