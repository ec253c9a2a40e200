import { beforeEach, describe, expect, it } from 'vitest';
import type { Origin } from './origin.ts';
import { gopMs, key, OriginRig, refOf, TestPuller } from './testing/index.ts';

const token = 'secret';
const backupParams = { token, backup: '1' };

let rig: OriginRig;
let first: Origin;
let second: Origin;

beforeEach(async () => {
  rig = new OriginRig();
  first = await rig.origin('o1');
  second = await rig.origin('o2');
});

function epochOn(origin: Origin): number {
  return origin.streams.get(key)?.epoch ?? 0;
}

describe('a backup', () => {
  it('is accepted beside a live publisher of the same credential, declared, and not claimed', async () => {
    await rig.publish(first, backupParams);
    expect(first.owned().size).toBe(1);
    const { publisher } = await rig.publish(second, backupParams);
    await rig.run(1_000);
    expect(publisher.isAccepted).toBe(true);
    expect(second.streams.size).toBe(0);
    expect(second.publishers).toBe(1);
    expect(await rig.registry.stream(key)).toMatchObject({
      owner: refOf('o1'),
      standby: { ...refOf('o2'), relayAddress: 'o2:1', publishes: true },
    });
    expect(first.continuity.hasBackup(key)).toBe(true);
    expect(second.continuity.followed.get(key)?.state).toBe('live');
  });

  it('is refused with another credential, and beside another backup that lives', async () => {
    await rig.publish(first, { token });
    const stranger = await rig.publish(second, { token: 'other', backup: '1' });
    expect(stranger.publisher.refusedWith?.code).toBe('already_publishing');
    await rig.publish(second, backupParams);
    const third = await rig.publish(await rig.origin('o3'), backupParams);
    expect(third.publisher.refusedWith?.message).toContain('it has a backup already');
  });

  it('comes back to its own node in place of its former self, once that is silent', async () => {
    await rig.publish(first, { token });
    const former = await rig.publish(second, backupParams);
    const early = await rig.publish(second, backupParams);
    expect(early.publisher.refusedWith?.message).toContain('it has a backup already');
    former.isSilent = true;
    await rig.run(2_000);
    const { publisher } = await rig.publish(second, backupParams);
    expect(publisher.isAccepted).toBe(true);
    expect(former.publisher.closedFor).toBe('replaced');
    expect(second.publishers).toBe(1);
    await rig.run(500);
    expect((await rig.registry.stream(key))?.standby?.publishes).toBe(true);
  });

  it('is every second publisher where the node is told so, and replaces the first where it is not', async () => {
    const third = await rig.origin('o3', { silentAfterMs: 1_000, isEverySecond: true });
    const primary = await rig.publish(first, { token });
    await rig.publish(third, { token });
    expect(third.continuity.backups.all.size).toBe(1);
    await rig.publish(second, { token });
    await rig.run(0);
    expect(primary.publisher.closedFor).toBe('replaced');
    expect(second.owned().size).toBe(1);
    expect(third.continuity.backups.all.get(key)?.record.epoch).toBe(epochOn(second));
  });

  it('makes room for its next self when it is asked to move', async () => {
    await rig.publish(first, { token });
    await rig.publish(second, backupParams);
    for (const session of second.backupSessions) expect(session.requestReconnect()).toBe(true);
    await rig.run(0);
    expect((await rig.registry.stream(key))?.standby).toBeUndefined();
    const { publisher } = await rig.publish(await rig.origin('o3'), backupParams);
    expect(publisher.isAccepted).toBe(true);
  });

  it('is withdrawn when its publisher leaves', async () => {
    await rig.publish(first, { token });
    const { publisher } = await rig.publish(second, backupParams);
    publisher.leave('unpublished');
    await rig.run(0);
    expect((await rig.registry.stream(key))?.standby).toBeUndefined();
    expect(second.continuity.followed.size).toBe(0);
    expect(second.publishers).toBe(0);
  });

  it('is declared again when the registry has forgotten it', async () => {
    await rig.publish(first, { token });
    const before = rig.registry.save();
    await rig.publish(second, backupParams);
    rig.registry.restore(before);
    expect((await rig.registry.stream(key))?.standby).toBeUndefined();
    await rig.run(6_000);
    expect((await rig.registry.stream(key))?.standby).toMatchObject({ nodeId: 'o2', publishes: true });
  });

  it('is sent away with the primary when an operator ends the stream', async () => {
    await rig.publish(first, { token });
    const backup = await rig.publish(second, backupParams);
    await rig.run(500);
    first.kick(key);
    await rig.run(1_000);
    expect(backup.publisher.closedFor).toBe('kicked');
    expect(await rig.registry.stream(key)).toBeUndefined();
  });
});

describe('a switch', () => {
  it('begins with the first keyframe after the last frame of a primary that fell silent', async () => {
    const primary = await rig.publish(first, { token });
    await rig.run(220);
    const backup = await rig.publish(second, backupParams);
    await rig.run(3_000);
    const former = epochOn(first);
    primary.isSilent = true;
    const puller = new TestPuller(rig.relay, 'o1:1');
    await rig.run(980);
    expect(second.streams.size).toBe(0);
    const sequence = (first.streams.get(key)?.live.lastSequence ?? 0) + 1;
    await rig.run(200);
    const epoch = epochOn(second);
    expect(epoch).toBeGreaterThan(former);
    expect(primary.publisher.closedFor).toBe('replaced');
    expect(puller.heard).toEqual(['replaced']);
    // One that comes over from the former epoch gets all of the new one, not its newest keyframe.
    const follower = new TestPuller(rig.relay, 'o2:1', {
      minEpoch: epoch,
      resume: { epoch: former, sequence },
    });
    await rig.run(100);
    expect(follower.opened).toMatchObject({ epoch, firstSequence: 0, resumed: false });
    const [start] = follower.media;
    expect(start?.role).toBe('keyframe');
    expect(start?.timestampMs).toBe(8 * gopMs);
    expect(follower.frames.map(({ sequence }) => sequence)).toEqual(follower.frames.map((_, index) => index));
    expect(backup.payloads()).toContain(start?.payload.toString('base64'));
    expect(backup.publisher.closedFor).toBeUndefined();
    expect(second.sessionOf(key)?.context.sessionId).toBe('2');
  });

  it('happens at the next keyframe when the primary breaks off', async () => {
    const primary = await rig.publish(first, { token });
    await rig.publish(second, backupParams);
    await rig.run(2_000);
    primary.publisher.leave('client_closed');
    await rig.run(gopMs + 40);
    expect(second.owned().size).toBe(1);
    expect(first.streams.size).toBe(0);
  });

  it('happens at the next keyframe when the owner is killed', async () => {
    const primary = await rig.publish(first, { token });
    await rig.publish(second, backupParams);
    await rig.run(2_000);
    rig.relay.set('o1:1', 'cut');
    primary.isSilent = true;
    await rig.run(gopMs + 200);
    expect(second.owned().size).toBe(1);
  });

  it('does not happen when a connection breaks whose owner answers', async () => {
    await rig.publish(first, { token });
    await rig.publish(second, backupParams);
    await rig.run(2_000);
    rig.relay.set('o1:1', 'cut');
    rig.relay.set('o1:1', 'up');
    await rig.run(2_000);
    expect(second.owned().size).toBe(0);
    expect(second.continuity.followed.get(key)?.pulledState).toBe('live');
  });

  it('does not happen when the node of the backup stood still itself', async () => {
    await rig.publish(first, { token });
    await rig.publish(second, backupParams);
    await rig.run(2_000);
    rig.clock.stall(5_000);
    await rig.run(500);
    expect(second.owned().size).toBe(0);
    expect(first.owned().size).toBe(1);
  });

  it('happens in the end when that node stands still all the time', async () => {
    const primary = await rig.publish(first, { token });
    await rig.publish(second, backupParams);
    await rig.run(2_000);
    primary.isSilent = true;
    for (let stalls = 0; stalls < 10; stalls++) {
      rig.clock.stall(450);
      await rig.run(20);
    }
    expect(second.owned().size).toBe(1);
  });

  it('does not happen for the sake of a primary that this node alone cannot reach', async () => {
    rig.relay.set('o1:1', 'cut');
    await rig.publish(first, { token });
    await rig.publish(second, backupParams);
    await rig.run(4_000);
    expect(second.owned().size).toBe(0);
  });

  it('hands a stream over that its publisher ends, and ends it when the backup leaves as well', async () => {
    const primary = await rig.publish(first, { token });
    const backup = await rig.publish(second, backupParams);
    await rig.run(2_000);
    const puller = new TestPuller(rig.relay, 'o1:1');
    await rig.run(0);
    primary.publisher.leave('unpublished');
    await rig.run(gopMs + 40);
    expect(puller.heard).toEqual(['interrupted', 'replaced']);
    expect(second.owned().size).toBe(1);
    backup.publisher.leave('unpublished');
    await rig.run(0);
    expect(await rig.registry.stream(key)).toBeUndefined();
  });

  it('ends a stream whose backup leaves before it could take over', async () => {
    const primary = await rig.publish(first, { token });
    const backup = await rig.publish(second, backupParams);
    await rig.run(2_000);
    backup.isSilent = true;
    await rig.run(1_000);
    const puller = new TestPuller(rig.relay, 'o1:1');
    await rig.run(0);
    primary.publisher.leave('unpublished');
    await rig.run(1_000);
    expect(first.streams.get(key)?.state).toBe('interrupted');
    backup.publisher.leave('unpublished');
    await rig.run(0);
    expect(first.streams.size).toBe(0);
    expect(puller.heard).toEqual(['interrupted', 'unpublished']);
  });

  it('is undone by nobody: the former primary becomes the backup when it says so', async () => {
    const primary = await rig.publish(first, backupParams);
    await rig.publish(second, backupParams);
    await rig.run(2_000);
    primary.isSilent = true;
    await rig.run(1_200);
    expect(primary.publisher.closedFor).toBe('replaced');
    const { publisher } = await rig.publish(first, backupParams);
    await rig.run(3_000);
    expect(publisher.isAccepted).toBe(true);
    expect(first.continuity.backups.all.size).toBe(1);
    expect((await rig.registry.stream(key))?.owner).toEqual(refOf('o2'));
  });

  it('works within one node, too', async () => {
    const primary = await rig.publish(first, { token });
    const backup = await rig.publish(first, backupParams);
    await rig.run(2_000);
    expect(backup.publisher.isAccepted).toBe(true);
    expect(first.publishers).toBe(2);
    const former = epochOn(first);
    primary.publisher.leave('unpublished');
    await rig.run(gopMs + 140);
    expect(epochOn(first)).toBeGreaterThan(former);
    expect(first.publishers).toBe(1);
    expect(first.sessionOf(key)?.context.sessionId).toBe('2');
    backup.publisher.leave('unpublished');
    await rig.run(0);
    expect(await rig.registry.stream(key)).toBeUndefined();
  });
});
