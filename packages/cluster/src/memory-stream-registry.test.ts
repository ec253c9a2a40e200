import { silentLogger, streamKey, type Clock, type Logger } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { describe, expect, it } from 'vitest';
import { MemoryStreamRegistry } from './memory-stream-registry.ts';
import {
  claimedRecord,
  failoverConformance,
  registryConformance,
  type FailoverHarness,
  testBeat,
  testClaim,
  testNode,
  renewed,
} from './testing/index.ts';

const leaseMs = 4_000;

async function makeHarness(): Promise<FailoverHarness> {
  const clock = new ManualClock();
  const registry = new MemoryStreamRegistry({ clock, leaseMs });
  return Promise.resolve({
    leaseMs,
    registry: () => registry,
    advance: async (byMs: number) => {
      clock.advance(byMs);
      return Promise.resolve();
    },
    loseEverything: async () => {
      registry.restore();
      return Promise.resolve();
    },
    checkpoint: async () => {
      const saved = registry.save();
      return Promise.resolve(async () => {
        registry.restore(saved);
        return Promise.resolve();
      });
    },
    close: async () => registry.close(),
  });
}

registryConformance('MemoryStreamRegistry', makeHarness);
failoverConformance('MemoryStreamRegistry', makeHarness);

/** A clock whose wall can be set, and which can jump as when the process was stopped. */
class AdjustableClock extends ManualClock {
  wallOffsetMs = 0;
  stoppedMs = 0;

  override wallMs(): number {
    return super.wallMs() + this.wallOffsetMs;
  }

  override nowMs(): number {
    return super.nowMs() + this.stoppedMs;
  }
}

describe('the memory registry', () => {
  const n1 = testNode('n1');
  const stream = streamKey('live', 'cam1');

  it('tells of a lease that ran out without being asked, and leaves no timer when closed', async () => {
    const clock = new ManualClock();
    const registry = new MemoryStreamRegistry({ clock, leaseMs });
    const heard: string[] = [];
    registry.watch((event) => heard.push(event.type));
    await registry.join(n1);
    await registry.claim(testClaim(n1));
    clock.advance(leaseMs + 1_000);
    await Promise.resolve();
    expect(heard).toEqual(['node_joined', 'stream_claimed', 'node_left', 'stream_updated']);
    await registry.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it('lets epochs grow when the wall clock is set back, also of streams it has forgotten', async () => {
    const clock = new AdjustableClock();
    const registry = new MemoryStreamRegistry({ clock, leaseMs, rememberedStreams: 3 });
    await registry.join(n1);
    const epochs: number[] = [];
    for (let round = 0; round < 4; round++) {
      const { epoch } = claimedRecord(await registry.claim(testClaim(n1)));
      epochs.push(epoch);
      await registry.release(stream, n1, epoch);
      for (let index = 0; index < 10; index++) {
        const other = streamKey('live', `other${index}`);
        const record = claimedRecord(await registry.claim(testClaim(n1, { stream: other })));
        await registry.release(other, n1, record.epoch);
      }
      clock.wallOffsetMs -= 3_600_000;
    }
    expect(epochs).toEqual([...new Set(epochs)].sort((a, b) => a - b));
    await registry.close();
  });

  it('does not count the time in which the process itself stood still', async () => {
    const clock = new AdjustableClock();
    const registry = new MemoryStreamRegistry({ clock, leaseMs });
    await registry.join(n1);
    clock.advance(1_000);
    clock.stoppedMs = 60_000;
    expect(await registry.heartbeat(testBeat(n1))).toEqual(renewed);
    clock.advance(3_000);
    expect(await registry.nodes()).toHaveLength(1);
    clock.advance(1_500);
    expect(await registry.nodes()).toEqual([]);
    await registry.close();
  });

  it('goes on telling others when a listener throws, and logs it', async () => {
    const logged: string[] = [];
    const logger: Logger = { ...silentLogger, error: (_fields, message) => logged.push(message) };
    const clock: Clock = new ManualClock();
    const registry = new MemoryStreamRegistry({ clock, logger });
    const heard: string[] = [];
    registry.watch(() => {
      throw new Error('broken listener');
    });
    registry.watch((event) => heard.push(event.type));
    await registry.join(n1);
    await Promise.resolve();
    expect(heard).toEqual(['node_joined']);
    expect(logged).toEqual(['registry listener threw']);
    await registry.close();
  });

  it('tells of what a listener does in response after what it responds to', async () => {
    const registry = new MemoryStreamRegistry({ clock: new ManualClock() });
    const heard: string[] = [];
    registry.watch((event) => {
      if (event.type === 'node_joined') void registry.claim(testClaim(n1));
    });
    registry.watch((event) => heard.push(event.type));
    await registry.join(n1);
    await registry.nodes();
    expect(heard).toEqual(['node_joined', 'stream_claimed']);
    await registry.close();
  });
});
