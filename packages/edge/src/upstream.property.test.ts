// Whatever happens to an upstream, in whatever order: one pull at a time, epochs that rise, no frame twice, and at the
// end it flows, if anybody answers.
import { AppError } from '@headwater/contracts';
import { testNode } from '@headwater/cluster/testing';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { testFrame, testRecord, UpstreamRig, type ScriptedPull } from './testing/index.ts';

const standby = { nodeId: 'origin-9', incarnation: 'run', relayAddress: 'origin-9:1' };

type Step =
  | {
      readonly type: 'open';
      readonly pull: number;
      readonly lead: number;
      readonly state: 'live' | 'interrupted';
    }
  | { readonly type: 'frames'; readonly pull: number; readonly from: number; readonly count: number }
  | {
      readonly type: 'fail';
      readonly pull: number;
      readonly code: 'upstream_unavailable' | 'stream_not_found';
    }
  | { readonly type: 'end'; readonly pull: number; readonly reason: 'replaced' | 'shutdown' }
  | { readonly type: 'claim'; readonly epoch: number }
  | { readonly type: 'pass'; readonly ms: number }
  | { readonly type: 'registry'; readonly answers: boolean };

const small = fc.nat(3);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    type: fc.constant('open' as const),
    pull: small,
    lead: fc.nat(2),
    state: fc.constantFrom('live' as const, 'live' as const, 'interrupted' as const),
  }),
  fc.record({ type: fc.constant('frames' as const), pull: small, from: fc.nat(20), count: fc.nat(5) }),
  fc.record({
    type: fc.constant('fail' as const),
    pull: small,
    code: fc.constantFrom('upstream_unavailable' as const, 'stream_not_found' as const),
  }),
  fc.record({
    type: fc.constant('end' as const),
    pull: small,
    reason: fc.constantFrom('replaced' as const, 'shutdown' as const),
  }),
  fc.record({ type: fc.constant('claim' as const), epoch: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ type: fc.constant('pass' as const), ms: fc.constantFrom(50, 400, 2_000, 9_000) }),
  fc.record({ type: fc.constant('registry' as const), answers: fc.boolean() }),
);

/** The far ends of the pulls, as honest as the relay's client is: nothing comes out of a pull that is over. */
class World {
  readonly rig = new UpstreamRig();
  readonly #open = new Map<ScriptedPull, number>();
  readonly #over = new Set<ScriptedPull>();
  #record = testRecord(1, { standby });
  #hasRegistry = true;
  #read = 0;
  #lastEpoch = 0;
  #lastSequence = -1;

  constructor() {
    const { rig } = this;
    rig.nodes = ['edge-2', 'edge-3'].map((id) =>
      testNode(id, { roles: ['edge'], zone: '', region: '', addresses: { relay: `${id}:1` } }),
    );
    rig.find = async () => Promise.resolve(this.#hasRegistry ? this.#record : undefined);
    rig.upstream.start();
  }

  async run(next: Step): Promise<void> {
    if (next.type === 'pass') await this.rig.pass(next.ms);
    else if (next.type === 'registry') this.#hasRegistry = next.answers;
    else if (next.type === 'claim') this.#claim(next.epoch);
    else this.#answer(next, this.pull(next.pull));
    await this.rig.settle();
    this.check();
  }

  /** One of the pulls that are not over. */
  pull(index: number): ScriptedPull | undefined {
    const running = this.rig.pulls.filter((pull) => !pull.isClosed && !this.#over.has(pull));
    return running[index % Math.max(1, running.length)];
  }

  check(): void {
    const delivering = this.rig.pulls.filter(
      (pull) => this.#open.has(pull) && !pull.isClosed && !this.#over.has(pull),
    );
    expect(delivering.length).toBeLessThanOrEqual(1);
    expect(this.rig.upstream.phase === 'flowing').toBe(delivering.length === 1);
    for (const line of this.rig.heard.slice(this.#read)) this.#checkLine(line);
    this.#read = this.rig.heard.length;
  }

  open(pull: ScriptedPull, lead = 0, state: 'live' | 'interrupted' = 'live'): void {
    const { minEpoch = 1, resume } = pull.request;
    const epoch = Math.min(5, minEpoch + lead);
    const resumed = resume?.epoch === epoch;
    this.#open.set(pull, epoch);
    pull.handler.opened({ epoch, firstSequence: resumed ? resume.sequence : 0, resumed, state });
  }

  isOpen(pull: ScriptedPull): boolean {
    return this.#open.has(pull);
  }

  #answer(
    next: Exclude<Step, { type: 'pass' | 'registry' | 'claim' }>,
    pull: ScriptedPull | undefined,
  ): void {
    if (pull === undefined) return;
    if (next.type === 'open') {
      if (!this.isOpen(pull)) this.open(pull, next.lead, next.state);
    } else if (next.type === 'fail') {
      this.#over.add(pull);
      pull.handler.failed(new AppError(next.code));
    } else if (this.isOpen(pull)) {
      if (next.type === 'end') {
        this.#over.add(pull);
        pull.handler.ended(next.reason);
      } else this.#send(pull, next.from, next.count);
    }
  }

  #send(pull: ScriptedPull, from: number, count: number): void {
    const numbers = Array.from({ length: count }, (_, index) => from + index);
    if (count > 0) pull.handler.frames(numbers.map((sequence) => testFrame(sequence)));
  }

  #claim(epoch: number): void {
    if (epoch > this.#record.epoch) this.#record = testRecord(epoch, { standby });
    this.rig.upstream.claimed(testRecord(epoch, { standby }));
  }

  #checkLine(line: string): void {
    const [what, epochText, sequences = ''] = line.split(' ');
    if (what !== 'opened' && what !== 'frames') return;
    const epoch = Number(epochText);
    expect(epoch).toBeGreaterThanOrEqual(this.#lastEpoch);
    if (epoch > this.#lastEpoch) this.#lastSequence = -1;
    this.#lastEpoch = epoch;
    if (what === 'opened') return;
    for (const sequence of sequences.split(',').map(Number)) {
      expect(sequence).toBeGreaterThan(this.#lastSequence);
      this.#lastSequence = sequence;
    }
  }

  /** From now on the registry answers and every pull that is asked for opens, and delivers. */
  async becomesWell(): Promise<void> {
    this.#hasRegistry = true;
    for (let turn = 0; turn < 40; turn++) {
      await this.rig.pass(500);
      for (const pull of this.rig.pulls) {
        if (pull.isClosed || this.#over.has(pull)) continue;
        if (!this.isOpen(pull)) this.open(pull);
        this.#send(pull, this.#lastSequence + 1, 1);
        this.check();
      }
    }
  }
}

it('an upstream has one pull that delivers at most, never goes back, and flows in the end', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const world = new World();
      for (const next of steps) await world.run(next);
      await world.becomesWell();
      expect(world.rig.upstream.phase).toBe('flowing');
      expect(world.rig.heard.at(-1)).toMatch(/^frames /);
      world.rig.upstream.close();
      expect(world.rig.clock.pendingTimers).toBe(0);
    }),
    { numRuns: 300 },
  );
}, 60_000);
