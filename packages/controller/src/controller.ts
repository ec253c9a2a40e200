// The controller: watches nodes, and repairs what the registry says of the dead. Any number of replicas run; all look,
// the one that leads probes, judges and acts. Media flows on without any of them.
import type {
  FailoverRegistry,
  JobRegistry,
  LeaderLease,
  NodeRef,
  StreamRegistry,
  UpstreamReports,
  Watch,
} from '@headwater/cluster';
import { toAppError, type Clock, type Logger, type Metrics, type Timer } from '@headwater/contracts';
import { ActionRunner } from './action-runner.ts';
import { controllerMetrics, type ControllerMetrics } from './controller-metrics.ts';
import { Detector, type HealthChange } from './detector.ts';
import { Leadership } from './leadership.ts';
import type { LeadershipState } from './leadership-state.ts';
import { defaultDetectorLimits, type DetectorLimits, type NodeHealth } from './node-health.ts';
import { OwnView, type Blindness } from './own-view.ts';
import { JobView } from './job-view.ts';
import { defaultFailoverPolicy, planFailover, type FailoverPolicy } from './plan.ts';
import type { Prober } from './prober.ts';
import { StandbyPace } from './standby-pace.ts';
import { StreamView } from './stream-view.ts';
import { within } from './within.ts';

/** What a controller needs of the registry. */
export type ControllerRegistry = FailoverRegistry & Pick<StreamRegistry, 'streams' | 'watch'>;

/** Times of a controller, beside those of its detector. */
export interface ControllerLimits extends DetectorLimits {
  /** How often it wakes up, and looks into the registry while somebody is in question. */
  readonly tickMs: number;
  /** How often it looks while all is well. */
  readonly lookEveryMs: number;
  /** How often it reads all streams, in case an event was lost. */
  readonly resyncMs: number;
  /** How long one call to the registry may take. */
  readonly callMs: number;
  /** A wake-up later than this by more means that it stood still. */
  readonly stallMs: number;
}

/** Defaults of `ControllerLimits`. */
export const defaultControllerLimits: ControllerLimits = {
  ...defaultDetectorLimits,
  tickMs: 100,
  lookEveryMs: 250,
  resyncMs: 10_000,
  callMs: 500,
  stallMs: 500,
};

/** What a controller is made of. It closes none of the ports that it is given. */
export interface ControllerOptions {
  /** The node that the controller runs on. */
  readonly node: NodeRef;
  readonly registry: ControllerRegistry;
  /** The jobs that it assigns; absent where there are none. */
  readonly jobs?: JobRegistry;
  readonly lease: LeaderLease;
  readonly reports: UpstreamReports;
  readonly prober: Prober;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly limits?: Partial<ControllerLimits>;
  readonly policy?: Partial<FailoverPolicy>;
}

/** A controller as others see it. */
export interface ControllerState {
  readonly leadership: LeadershipState;
  /** Why it judges nobody; absent when it would, if it led. */
  readonly blindness?: Blindness;
  readonly nodes: readonly (NodeRef & { readonly health: NodeHealth })[];
}

const healths: readonly NodeHealth[] = ['healthy', 'suspect', 'isolated', 'dead', 'left'];

/** How long a plan stands when nothing happens. */
const replanMs = 1_000;

/** One replica. Started and stopped once. */
export class Controller {
  readonly #options: ControllerOptions;
  readonly #limits: ControllerLimits;
  readonly #policy: FailoverPolicy;
  readonly #metrics: ControllerMetrics;
  readonly #leadership: Leadership;
  readonly #detector: Detector;
  readonly #streams = new StreamView();
  readonly #jobs = new JobView();
  readonly #view: OwnView;
  readonly #runner: ActionRunner;
  #watches: Watch[] = [];
  #timer: Timer | undefined;
  #dueTimer: Timer | undefined;
  #looking: Promise<void> | undefined;
  #acting: Promise<void> | undefined;
  #isStopped = false;
  #blindness: Blindness | undefined = 'starting';
  /** The token under which the registry refuses earlier leaders, and the streams were read. */
  #readyToken = 0;
  #probingSinceMs = 0;
  #lookedMs = Number.NEGATIVE_INFINITY;
  #syncedMs = Number.NEGATIVE_INFINITY;
  readonly #standbyPace = new StandbyPace();
  #plannedMs = Number.NEGATIVE_INFINITY;
  #isPlanDue = true;

  constructor(options: ControllerOptions) {
    const { node, registry, jobs, lease, clock, logger } = options;
    this.#options = options;
    this.#limits = { ...defaultControllerLimits, ...options.limits };
    this.#policy = { ...defaultFailoverPolicy, ...options.policy };
    this.#metrics = controllerMetrics(options.metrics);
    this.#metrics.isBlind.set(1);
    this.#detector = new Detector(this.#limits, node);
    this.#view = new OwnView(this.#limits);
    const { callMs } = this.#limits;
    this.#runner = new ActionRunner({
      registry,
      clock,
      logger,
      callMs,
      actions: this.#metrics.actions,
      expelled: (dead) => {
        const silentMs = this.#detector.silentMs(dead, clock.nowMs());
        if (silentMs !== undefined) this.#metrics.failoverSeconds.observe(silentMs / 1_000);
      },
      ...(jobs === undefined ? {} : { jobs }),
    });
    this.#leadership = new Leadership({
      lease,
      holder: `${node.nodeId}/${node.incarnation}`,
      clock,
      logger,
      onChange: (state) => {
        this.#leadershipChanged(state);
      },
    });
  }

  get state(): ControllerState {
    const blindness = this.#view.blindness(this.#options.clock.nowMs());
    return {
      leadership: this.#leadership.state,
      ...(blindness === undefined ? {} : { blindness }),
      nodes: this.#detector.nodes().map(({ node, health }) => ({ ...node, health })),
    };
  }

  /** Begins to watch, and to stand for election. Whether the registry answers does not matter. */
  start(): void {
    if (this.#timer !== undefined || this.#isStopped) return;
    const { registry, jobs, reports, clock } = this.#options;
    this.#watches = [
      registry.watch((event) => {
        this.#streams.apply(event, clock.nowMs());
        this.#isPlanDue = true;
      }),
      reports.watch(({ node }) => {
        this.#detector.reported(node, clock.nowMs());
        this.#settle();
      }),
    ];
    const jobWatch = jobs?.watch(() => {
      this.#look();
    });
    if (jobWatch !== undefined) this.#watches.push(jobWatch);
    this.#timer = clock.every(this.#limits.tickMs, () => {
      this.#tick();
    });
    this.#leadership.start();
    this.#tick();
  }

  /** Gives up leadership. Resolves when nothing is under way any more. Twice does nothing. */
  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#dueTimer?.cancel();
    for (const watch of this.#watches) watch.close();
    await Promise.all([this.#looking, this.#acting]);
    this.#runner.close();
    await this.#leadership.stop();
  }

  #tick(): void {
    const nowMs = this.#options.clock.nowMs();
    if (this.#view.ticked(nowMs)) this.#detector.distrust();
    const isAlert = this.#leadership.token !== undefined && this.#detector.isAlert;
    if (isAlert || nowMs - this.#lookedMs >= this.#limits.lookEveryMs) this.#look();
    this.#settle();
  }

  #look(): void {
    if (this.#isStopped || this.#looking !== undefined) return;
    this.#lookedMs = this.#options.clock.nowMs();
    this.#looking = this.#readRegistry()
      .catch((caught: unknown) => {
        this.#options.logger.debug({ err: toAppError(caught) }, 'registry could not be read');
        this.#view.failed('registry_away');
      })
      .finally(() => {
        this.#looking = undefined;
        this.#settle();
      });
  }

  async #readRegistry(): Promise<void> {
    const { registry, clock } = this.#options;
    const sentMs = clock.nowMs();
    const sightings = await this.#bounded(registry.sightings());
    const receivedMs = clock.nowMs();
    if (!this.#detector.sighted(sightings, sentMs, receivedMs)) this.#view.failed('registry_forgot');
    if (this.#view.answered(receivedMs)) {
      this.#detector.distrust();
      this.#syncedMs = Number.NEGATIVE_INFINITY;
    }
    const token = this.#leadership.token;
    if (token === undefined) return;
    if (token !== this.#readyToken && !(await this.#bounded(registry.fence(token)))) {
      this.#leadership.fenced(token);
      return;
    }
    if (token !== this.#readyToken || receivedMs - this.#syncedMs >= this.#limits.resyncMs) {
      await this.#resync();
    }
    await this.#readJobs();
    this.#readyToken = token;
  }

  async #readJobs(): Promise<void> {
    const { jobs } = this.#options;
    if (jobs !== undefined && (await this.#bounded(this.#jobs.read(jobs)))) this.#isPlanDue = true;
  }

  async #resync(): Promise<void> {
    const { registry, clock } = this.#options;
    this.#streams.beginReading();
    this.#streams.replace(await this.#bounded(registry.streams()), clock.nowMs());
    this.#syncedMs = clock.nowMs();
    this.#isPlanDue = true;
  }

  /** Judges by what is known now, and sets off what follows from it. */
  #settle(): void {
    if (this.#isStopped) return;
    const nowMs = this.#options.clock.nowMs();
    this.#noteBlindness(nowMs);
    const isLeading = this.#leadership.token !== undefined;
    const mayJudge = isLeading && this.#blindness === undefined;
    for (const { node, address } of this.#streams.orphanOwners()) this.#detector.adopt(node, address, nowMs);
    for (const node of this.#jobs.assignees) this.#detector.adopt(node, '', nowMs);
    const changes = this.#detector.judge({ nowMs, mayJudge, probingSinceMs: this.#probingSinceMs });
    for (const change of changes) this.#tell(change, isLeading);
    if (changes.length > 0) this.#noteHealths();
    if (!isLeading) return;
    this.#startProbes(nowMs);
    if (!mayJudge) return;
    this.#lookWhenDue(nowMs);
    this.#act(nowMs);
  }

  // A verdict that hangs on one beat more is not put off to the next tick.
  #lookWhenDue(nowMs: number): void {
    this.#dueTimer?.cancel();
    const { dueMs } = this.#detector;
    if (dueMs === undefined) return;
    this.#dueTimer = this.#options.clock.after(Math.max(1, Math.ceil(dueMs - nowMs)), () => {
      this.#look();
    });
  }

  #startProbes(nowMs: number): void {
    for (const { node, address } of this.#detector.startProbes(nowMs)) {
      void this.#options.prober.probe(node, address).then((probe) => {
        this.#metrics.probes.add(1, { outcome: probe.outcome });
        this.#detector.probed(node, probe, this.#view.clearMs);
        this.#settle();
      });
    }
  }

  #act(nowMs: number): void {
    const token = this.#leadership.token;
    if (token === undefined || token !== this.#readyToken || this.#acting !== undefined) return;
    if (!this.#isPlanDue && nowMs - this.#plannedMs < replanMs) return;
    this.#isPlanDue = false;
    this.#plannedMs = nowMs;
    const jobs = this.#jobs.records;
    const cluster = { nodes: this.#detector.nodes(), streams: this.#streams.streams(nowMs), jobs };
    const planned = planFailover(cluster, this.#policy);
    const actions = this.#standbyPace.take(planned, nowMs);
    // What has to wait is planned anew: by then it may be otherwise.
    this.#isPlanDue = actions.length < planned.length && this.#standbyPace.isMoving(nowMs);
    if (actions.length === 0) return;
    this.#metrics.plans.add(1);
    const hasJobs = actions.some(({ type }) => type === 'assign_job');
    if (hasJobs) this.#jobs.forget();
    const mayGoOn = (): boolean => !this.#isStopped && this.#leadership.token === token;
    this.#acting = this.#runner
      .run(token, actions, mayGoOn)
      .then(({ isFenced, hasFailed, hasConflict }) => {
        if (isFenced) this.#leadership.fenced(token);
        if (hasFailed) this.#view.failed('registry_away');
        if (hasConflict) this.#syncedMs = Number.NEGATIVE_INFINITY;
      })
      .finally(() => {
        this.#acting = undefined;
        if (hasJobs) this.#look();
      });
  }

  #leadershipChanged(state: LeadershipState): void {
    const isLeading = state === 'leading';
    const { clock, logger } = this.#options;
    this.#metrics.isLeading.set(isLeading ? 1 : 0);
    if (isLeading) this.#probingSinceMs = clock.nowMs();
    logger.info({ state }, 'leadership changed');
  }

  #tell({ node, from, to, facts, wasReported }: HealthChange, isLeading: boolean): void {
    const { logger } = this.#options;
    const { isListed, silentMs, probe } = facts;
    const fields = {
      node: node.nodeId,
      incarnation: node.incarnation,
      from,
      to,
      isListed,
      silentMs: Math.round(silentMs),
    };
    this.#isPlanDue = true;
    if (!isLeading) {
      logger.debug(fields, 'node health changed');
    } else if (to === 'dead') {
      this.#standbyPace.nodeDied(this.#options.clock.nowMs());
      this.#metrics.verdicts.add(1, { reported: String(wasReported) });
      this.#metrics.verdictSeconds.observe(silentMs / 1_000);
      logger.warn({ ...fields, wasReported, probe: probe?.outcome }, 'node is dead');
    } else {
      logger.info(fields, 'node health changed');
    }
  }

  #noteBlindness(nowMs: number): void {
    const blindness = this.#view.blindness(nowMs);
    if (blindness === this.#blindness) return;
    this.#blindness = blindness;
    this.#metrics.isBlind.set(blindness === undefined ? 0 : 1);
    if (blindness === undefined) this.#options.logger.info({}, 'controller judges again');
    else this.#options.logger.warn({ blindness }, 'controller judges nobody until it has seen a full lease');
  }

  #noteHealths(): void {
    const nodes = this.#detector.nodes();
    for (const health of healths) {
      this.#metrics.nodes.set(nodes.filter((node) => node.health === health).length, { health });
    }
  }

  async #bounded<T>(call: Promise<T>): Promise<T> {
    return await within(this.#options.clock, this.#limits.callMs, call);
  }
}
