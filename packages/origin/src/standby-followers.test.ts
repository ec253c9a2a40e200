import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Origin } from './origin.ts';
import { holdMs, key, OriginRig, refOf, TestPuller } from './testing/index.ts';

const token = 'secret';

let rig: OriginRig;
let first: Origin;
let second: Origin;

beforeEach(async () => {
  rig = new OriginRig();
  first = await rig.origin('o1');
  second = await rig.origin('o2');
});

async function appoint(epoch: number, nodeId: string | undefined): Promise<void> {
  const standby = nodeId === undefined ? undefined : { ...refOf(nodeId), relayAddress: `${nodeId}:1` };
  expect(await rig.registry.setStandby({ token: 1, stream: key, epoch, standby })).toBe('applied');
}

function epochOn(origin: Origin): number {
  return origin.streams.get(key)?.epoch ?? 0;
}

describe('a standby', () => {
  it('has the frames of the owner under their numbers, and whoever pulled there goes on here', async () => {
    await rig.publish(first);
    await rig.run(1_000);
    await appoint(epochOn(first), 'o2');
    await rig.run(1_000);
    const owned = first.streams.get(key)?.live;
    const followed = second.continuity.followed.get(key);
    expect(followed?.live.lastSequence).toBe(owned?.lastSequence);
    const sequence = (owned?.lastSequence ?? 0) - 10;
    const epoch = epochOn(first);
    const puller = new TestPuller(rig.relay, 'o2:1', { minEpoch: epoch, resume: { epoch, sequence } });
    await rig.run(200);
    expect(puller.opened).toEqual({ epoch, firstSequence: sequence, resumed: true, state: 'live' });
    expect(puller.frames).toEqual(owned?.framesAfter(sequence - 1));
  });

  it('owns nothing: not by its heartbeat, not as a publisher, and not above its epoch', async () => {
    await rig.publish(first);
    await appoint(epochOn(first), 'o2');
    await rig.run(1_000);
    expect(second.continuity.followed.size).toBe(1);
    expect(second.owned().size).toBe(0);
    expect(second.publishers).toBe(0);
    expect(second.streams.size).toBe(0);
    const puller = new TestPuller(rig.relay, 'o2:1', { minEpoch: epochOn(first) + 1 });
    await rig.run(0);
    expect(puller.refusedWith?.code).toBe('epoch_stale');
  });

  it('stops when it is dismissed, and when the stream ends', async () => {
    const encoder = await rig.publish(first);
    await appoint(epochOn(first), 'o2');
    await rig.run(500);
    await appoint(epochOn(first), undefined);
    expect(second.continuity.followed.size).toBe(0);
    await appoint(epochOn(first), 'o2');
    await rig.run(500);
    const puller = new TestPuller(rig.relay, 'o2:1');
    await rig.run(100);
    encoder.publisher.leave('unpublished');
    await rig.run(100);
    expect(second.continuity.followed.size).toBe(0);
    expect(puller.heard).toEqual(['unpublished']);
  });

  it('keeps what it has when the owner is gone, until the stream begins anew or nobody came back', async () => {
    const encoder = await rig.publish(first, { token });
    await appoint(epochOn(first), 'o2');
    await rig.run(1_000);
    const puller = new TestPuller(rig.relay, 'o2:1');
    await rig.run(0);
    rig.relay.set('o1:1', 'cut');
    encoder.isSilent = true;
    await rig.registry.leave(refOf('o1'));
    await rig.run(holdMs - 1_000);
    const late = new TestPuller(rig.relay, 'o2:1');
    await rig.run(0);
    expect(late.opened).toMatchObject({ epoch: epochOn(first), state: 'interrupted' });
    expect(late.media.length).toBeGreaterThan(0);
    expect(puller.heard).toEqual(['interrupted']);
    await rig.run(2_000);
    expect(second.continuity.followed.size).toBe(0);
    expect(late.heard).toEqual(['publisher_lost']);
    rig.relay.set('o1:1', 'up');
    const third = await rig.origin('o3');
    await rig.publish(third, { token });
    await appoint(epochOn(third), 'o2');
    await rig.run(500);
    expect(second.continuity.followed.get(key)?.epoch).toBe(epochOn(third));
  });

  it.each(['the break', 'the registry'])(
    'calls no owner that is held for dead, hearing of it by %s first',
    async (sooner) => {
      const encoder = await rig.publish(first);
      await appoint(epochOn(first), 'o2');
      await rig.run(1_000);
      encoder.isSilent = true;
      const breaks = (): void => {
        rig.relay.set('o1:1', 'cut');
      };
      if (sooner === 'the break') breaks();
      await rig.registry.leave(refOf('o1'));
      breaks();
      await rig.run(10);
      const asked = rig.relay.requests.length;
      await rig.run(holdMs - 1_500);
      expect(rig.relay.requests.length).toBe(asked);
    },
  );

  it('goes on after the last frame when its connection to the owner breaks', async () => {
    await rig.publish(first);
    await appoint(epochOn(first), 'o2');
    await rig.run(1_000);
    const before = second.continuity.followed.get(key)?.live;
    const sequence = (before?.lastSequence ?? 0) + 1;
    rig.relay.set('o1:1', 'cut');
    await rig.run(300);
    rig.relay.set('o1:1', 'up');
    await rig.run(2_000);
    expect(rig.relay.requests.at(-1)?.resume).toEqual({ epoch: epochOn(first), sequence });
    expect(second.continuity.followed.get(key)?.live).toBe(before);
    const frames = before?.framesAfter(sequence - 20) ?? [];
    expect(frames.length).toBeGreaterThan(100);
    expect(frames).toEqual(
      first.streams
        .get(key)
        ?.live.framesAfter(sequence - 20)
        ?.slice(0, frames.length),
    );
  });

  it('follows again when it was cut off for longer than it keeps what it has, and is still appointed', async () => {
    await rig.publish(first);
    await appoint(epochOn(first), 'o2');
    await rig.run(500);
    rig.relay.set('o1:1', 'cut');
    await rig.run(holdMs + 1_000);
    expect(second.continuity.followed.size).toBe(0);
    rig.relay.set('o1:1', 'up');
    await rig.run(10_000);
    expect(second.continuity.followed.get(key)).toMatchObject({ epoch: epochOn(first), state: 'live' });
  });

  it.each(['dismissed', 'ended', 'held for dead'])(
    'asks once for a stream that it was cut off from, and that is %s by then',
    async (what) => {
      const encoder = await rig.publish(first);
      await appoint(epochOn(first), 'o2');
      await rig.run(500);
      const asked = vi.spyOn(rig.registry, 'stream');
      rig.relay.set('o1:1', 'cut');
      await rig.run(holdMs + 1_000);
      if (what === 'dismissed') await appoint(epochOn(first), undefined);
      if (what === 'ended') encoder.publisher.leave('unpublished');
      if (what === 'held for dead') await rig.registry.leave(refOf('o1'));
      await rig.run(60_000);
      expect(asked.mock.calls.length).toBeLessThanOrEqual(1);
      expect(second.continuity.followed.size).toBe(0);
      second.close();
    },
  );

  it('that stood still itself reads on before it takes its owner for frozen', async () => {
    await rig.publish(first);
    await appoint(epochOn(first), 'o2');
    await rig.run(1_000);
    const asked = rig.relay.requests.length;
    rig.clock.stall(8_000);
    // What falls due runs before anything is read.
    rig.clock.advance(0);
    await rig.run(3_000);
    expect(rig.relay.requests.length).toBe(asked);
    rig.relay.set('o1:1', 'frozen');
    await rig.run(3_000);
    expect(rig.relay.requests.length).toBeGreaterThan(asked);
  });

  it('waits for the end of its node where the relay is closed before', async () => {
    const encoder = await rig.publish(first);
    await appoint(epochOn(first), 'o2');
    await rig.run(500);
    rig.relay.isClosed = true;
    encoder.isSilent = true;
    await rig.run(5_000);
    expect(second.continuity.followed.get(key)?.state).toBe('interrupted');
    second.close();
    expect(second.continuity.followed.size).toBe(0);
  });

  it('leaves nothing behind when its node closes', async () => {
    await rig.publish(first);
    await appoint(epochOn(first), 'o2');
    await rig.run(500);
    const backup = await rig.publish(await rig.origin('o3'), { backup: '1' });
    await rig.run(500);
    expect(backup.publisher.isAccepted).toBe(true);
    for (const origin of [...rig.origins].reverse()) origin.close();
    await rig.registry.close();
    expect(rig.clock.pendingTimers).toBe(0);
  });
});
