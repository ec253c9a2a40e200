// The running local cluster: Redis, the nodes, the load balancer of publishers; started in order, stopped in order.
import { readFile, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Balancer } from './cluster-balancer.mjs';
import { addressOf, commandLineOf, host } from './cluster-plan.mjs';
import { ClusterProcess } from './cluster-process.mjs';
import { redisAnswers, redisArguments, redisProgram } from './cluster-redis.mjs';
import { writeState } from './cluster-state.mjs';
import { StepFailed, say } from './step.mjs';

const nodeStopMs = 15_000;
const redisStopMs = 5_000;

/** Owns every process of the cluster. */
export class LocalCluster {
  plan;
  balancer;
  redis;
  /** @type {ReadonlyMap<string, ClusterProcess>} */
  nodes;
  /** @readonly */
  #folder;
  /** @type {Promise<void>} */
  #starting = Promise.resolve();
  #isStopping = false;
  #isReady = false;
  /** @type {Promise<void>} */
  #saving = Promise.resolve();

  /** @param {{ plan: import('./cluster-plan.mjs').Plan, folder: string, set: readonly string[] }} options */
  constructor({ plan, folder, set }) {
    this.plan = plan;
    this.#folder = folder;
    this.redis = this.#redisProcess();
    this.nodes = new Map(plan.members.map((member) => [member.name, this.#nodeProcess(member, set)]));
    const origins = plan.members.filter(({ role }) => role === 'origin');
    this.balancer = new Balancer({
      host,
      port: plan.vipPort,
      targets: origins.map((origin) => ({
        name: origin.name,
        host,
        port: origin.ports.rtmp ?? 0,
        readyUrl: `http://${addressOf(origin, 'admin')}/readyz`,
      })),
    });
    process.on('exit', () => this.#processes().forEach((one) => one.killNow()));
  }

  /** Where publishers connect, `host:port`. */
  get vip() {
    return `${host}:${this.plan.vipPort}`;
  }

  /** Starts everything; rejects with `StepFailed` when something does not come up. `stop` is due in any case. */
  async start() {
    this.#starting = this.#startAll();
    return this.#starting;
  }

  /** Writes down that everything is there. */
  async announce() {
    this.#isReady = true;
    await this.#saveState();
  }

  /**
   * Stops everything: the nodes cleanly, then what they need.
   * @returns {Promise<string[]>} the names of those that had to be killed
   */
  async stop() {
    this.#isStopping = true;
    const killed = await this.#stopNodes();
    await this.#starting.catch(() => undefined);
    killed.push(...(await this.#stopNodes()));
    this.balancer.stop();
    if (!(await this.redis.stop(redisStopMs))) killed.push(this.redis.name);
    await this.#saving;
    return killed;
  }

  /**
   * @param {string} name
   * @returns {ClusterProcess} throws `StepFailed` when there is none of that name
   */
  process(name) {
    const found = name === this.redis.name ? this.redis : this.nodes.get(name);
    if (found !== undefined) return found;
    const known = this.#processes().map((one) => one.name);
    throw new StepFailed(`there is no '${name}' in the cluster; there are: ${known.join(', ')}`);
  }

  /**
   * @param {string} name
   * @returns {import('./cluster-plan.mjs').Member | undefined} undefined for what is no node
   */
  member(name) {
    return this.plan.members.find((member) => member.name === name);
  }

  async #startAll() {
    await this.redis.start();
    if (this.#isStopping) return;
    const starts = await Promise.allSettled(Array.from(this.nodes.values(), (node) => node.start()));
    for (const start of starts) if (start.status === 'rejected') throw start.reason;
    await this.balancer.start();
  }

  async #stopNodes() {
    const stops = Array.from(this.nodes.values(), async (node) =>
      (await node.stop(nodeStopMs)) ? [] : [node.name],
    );
    return (await Promise.all(stops)).flat();
  }

  /** Writes down what runs now: each time after the time before. */
  async #saveState() {
    this.#saving = this.#saving.then(() => writeState(this.#folder, this.#state()));
    return this.#saving;
  }

  #state() {
    const running = this.#processes().flatMap(({ name, pid, mark }) => {
      if (pid === undefined) return [];
      const ports = Object.entries(this.member(name)?.ports ?? {});
      const addresses = Object.fromEntries(ports.map(([port, number]) => [port, `${host}:${number}`]));
      return [[name, { pid, mark, ...addresses }]];
    });
    const processes = Object.fromEntries(running);
    return { pid: process.pid, isReady: this.#isReady, vip: this.vip, processes };
  }

  #processes() {
    return [...this.nodes.values(), this.redis];
  }

  #redisProcess() {
    const port = this.plan.redisPort;
    return new ClusterProcess({
      name: 'redis',
      program: redisProgram(),
      args: redisArguments({ port, folder: this.#folder }),
      logFile: resolve(this.#folder, 'redis.log'),
      // It replaces its command line by its address.
      mark: `${host}:${port}`,
      isReady: () => redisAnswers(port),
      onChange: () => void this.#saveState(),
      onUnexpectedExit: (end) => reportExit(this.redis, end),
    });
  }

  /**
   * @param {import('./cluster-plan.mjs').Member} member
   * @param {readonly string[]} set
   */
  #nodeProcess(member, set) {
    const readyFile = resolve(this.#folder, `${member.name}.ready.json`);
    /** @type {ClusterProcess} */
    const node = new ClusterProcess({
      name: member.name,
      program: process.execPath,
      args: commandLineOf(member, { redisPort: this.plan.redisPort, readyFile, set }),
      logFile: resolve(this.#folder, `${member.name}.log`),
      mark: readyFile,
      prepare: () => rm(readyFile, { force: true }),
      isReady: () => isReadyFileOf(readyFile, node.pid),
      onChange: () => void this.#saveState(),
      onUnexpectedExit: (end) => reportExit(node, end),
    });
    return node;
  }
}

/**
 * @param {ClusterProcess} ended
 * @param {string} end
 */
function reportExit({ name, logFile }, end) {
  say(`${name} ended by itself (${end}); its log is ${logFile}`);
}

/**
 * @param {string} file
 * @param {number | undefined} pid
 */
async function isReadyFileOf(file, pid) {
  const text = await readFile(file, 'utf8').catch(() => '');
  try {
    /** @type {{ pid: number }} */
    const ready = JSON.parse(text);
    return ready.pid === pid;
  } catch {
    return false;
  }
}
