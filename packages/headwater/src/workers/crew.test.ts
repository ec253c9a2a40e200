import { Socket } from 'node:net';
import { silentLogger } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PrometheusMetrics } from '../prometheus-metrics.ts';
import { Crew, type CrewListener, type CrewMember } from './crew.ts';
import type { Newcomer } from './worker-process.ts';

/** A process that is as busy as the test says. */
class FakeMember implements CrewMember {
  readonly pid = 1;
  readonly place: number;
  readonly listener: CrewListener;
  readonly taken: Newcomer[] = [];
  rank = 0;
  isReady = false;
  isHandingOver = false;

  constructor(place: number, listener: CrewListener) {
    this.place = place;
    this.listener = listener;
  }

  get isFree(): boolean {
    return this.isReady && !this.isHandingOver;
  }

  get connections(): number {
    return this.taken.length;
  }

  take(newcomer: Newcomer): void {
    this.taken.push(newcomer);
    this.isHandingOver = true;
  }

  /** The last connection has arrived. */
  arrived(): void {
    this.isHandingOver = false;
    this.listener.free();
  }

  serve(): void {
    this.isReady = true;
    this.listener.ready();
  }

  /** It is no longer there. */
  end(how: string | undefined): void {
    this.isReady = false;
    this.listener.gone(how, undefined);
  }

  async stop(): Promise<boolean> {
    this.end(undefined);
    return Promise.resolve(true);
  }
}

let clock: ManualClock;
let crew: Crew<FakeMember>;
let members: FakeMember[];
let errors: string[];

beforeEach(async () => {
  clock = new ManualClock();
  members = [];
  errors = [];
  crew = new Crew<FakeMember>({
    clock,
    logger: { ...silentLogger, error: ({ how }) => void errors.push(String(how)) },
    metrics: new PrometheusMetrics(),
    size: 2,
    maxWaitMs: 5_000,
    hire: (place, listener) => {
      const member = new FakeMember(place, listener);
      members.push(member);
      return member;
    },
    began: () => undefined,
    lost: () => undefined,
    rankOf: ({ rank }) => rank,
  });
  const started = crew.start();
  for (const member of members) member.serve();
  await started;
});

afterEach(async () => {
  await crew.stop(0);
  expect(clock.pendingTimers).toBe(0);
});

function come(): void {
  crew.dispatch({ port: 'rtmp', socket: new Socket(), release: () => undefined });
}

const taken = (): number[] => members.map(({ taken }) => taken.length);

describe('Crew', () => {
  it('hands connections to the process that has the fewest', () => {
    for (let count = 0; count < 4; count++) {
      come();
      for (const member of members) member.arrived();
    }
    expect(taken()).toEqual([2, 2]);
  });

  it('has connections wait for a process that is busy with another one, rather than hand them to one of a higher rank', () => {
    const [good, bad] = members;
    if (good === undefined || bad === undefined) throw new Error('there are two');
    bad.rank = 1;
    come();
    come();
    expect(taken()).toEqual([1, 0]);
    good.arrived();
    expect(taken()).toEqual([2, 0]);
    good.isReady = false;
    come();
    expect(taken()).toEqual([2, 1]);
  });

  it('says of a process that dies while none is replaced how it ended, but not of one that ends as it was told to', async () => {
    crew.stopReplacing();
    members[0]?.end('SIGKILL');
    expect(crew.members).toEqual(members.slice(1));
    await crew.stop(0);
    expect(crew.members).toEqual([]);
    expect(errors).toEqual(['SIGKILL']);
    clock.advance(60_000);
    expect(members).toHaveLength(2);
  });
});
