// What happens to a node while an answer of the registry is on its way.
import { AppError } from '@headwater/contracts';
import { testClaim, testNode } from '@headwater/cluster/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Origin } from './origin.ts';
import { key, OriginRig, refOf, TestPuller } from './testing/index.ts';

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

/** The next call of the registry is made at once, and answered when the returned function is called. */
function answerLate(method: 'claim' | 'declareBackup'): () => void {
  const { registry } = rig;
  let answer: () => void = () => undefined;
  const isDue = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const make = registry[method].bind(registry) as (request: never) => Promise<never>;
  const late = async (request: never): Promise<never> => {
    registry[method] = make;
    const result = await make(request);
    await isDue;
    return result;
  };
  registry[method] = late;
  return answer;
}

describe('while the claim of a publisher is under way', () => {
  it('a backup of the node may get the stream at a higher epoch: the publisher does not take it back', async () => {
    const primary = await rig.publish(first, { token });
    const backup = await rig.publish(first, backupParams);
    const answer = answerLate('claim');
    const newcomer = rig.publish(first, { token });
    primary.isSilent = true;
    await rig.run(1_300);
    const { epoch } = (await rig.registry.stream(key)) ?? {};
    expect(first.streams.get(key)?.epoch).toBe(epoch);
    answer();
    const { publisher } = await newcomer;
    expect(publisher.refusedWith?.code).toBe('epoch_stale');
    expect(first.streams.get(key)?.epoch).toBe(epoch);
    expect(first.streams.get(key)?.state).toBe('live');
    expect(backup.publisher.closedFor).toBeUndefined();
  });
});

describe('while the claim of a publisher is under way that the registry has told others of', () => {
  it('an edge that asks at once gets the stream as soon as it is there', async () => {
    const answer = answerLate('claim');
    const coming = rig.publish(first, { token });
    await rig.run(0);
    const { epoch = 0 } = (await rig.registry.stream(key)) ?? {};
    const puller = new TestPuller(rig.relay, 'o1:1', { minEpoch: epoch });
    await rig.run(40);
    expect(puller.opened ?? puller.refusedWith).toBeUndefined();
    answer();
    await coming;
    expect(puller.opened?.epoch).toBe(epoch);
    await rig.run(500);
    expect(puller.media.length).toBeGreaterThan(0);
  });

  it('an edge is refused when the answer does not come', async () => {
    await rig.publish(first, { token });
    answerLate('claim');
    void rig.publish(first, { token });
    await rig.run(0);
    const { epoch = 0 } = (await rig.registry.stream(key)) ?? {};
    const puller = new TestPuller(rig.relay, 'o1:1', { minEpoch: epoch });
    await rig.run(100);
    expect(puller.refusedWith?.code).toBe('epoch_stale');
  });

  it('a node that is closed keeps nobody waiting', async () => {
    answerLate('claim');
    void rig.publish(first, { token });
    await rig.run(0);
    const puller = new TestPuller(rig.relay, 'o1:1');
    await rig.run(0);
    first.close();
    await rig.run(0);
    expect(puller.refusedWith?.code).toBe('stream_not_found');
  });
});

describe('while a late claim is under way', () => {
  it('an edge that hears of its higher epoch first gets the stream as soon as it goes on there', async () => {
    const { registry } = rig;
    const claim = registry.claim.bind(registry);
    registry.claim = async () => Promise.reject(new AppError('registry_unavailable'));
    await rig.publish(first, { token });
    registry.claim = claim;
    const provisional = first.streams.get(key)?.epoch ?? 0;
    await claim(testClaim(testNode('o1'), { credential: token, seenEpoch: provisional + 1_000_000 }));
    await rig.run(100);
    const answer = answerLate('claim');
    await rig.run(120);
    const { epoch = 0 } = (await registry.stream(key)) ?? {};
    const puller = new TestPuller(rig.relay, 'o1:1', { minEpoch: epoch });
    await rig.run(0);
    expect(puller.opened ?? puller.refusedWith).toBeUndefined();
    answer();
    await rig.run(0);
    expect(puller.opened?.epoch).toBe(epoch);
    expect(epoch).toBe(provisional + 1_000_002);
  });
});

describe('while the declaration of a backup is under way', () => {
  it('a node that begins to drain accepts it no more', async () => {
    await rig.publish(first, { token });
    const answer = answerLate('declareBackup');
    const coming = rig.publish(second, backupParams);
    await rig.run(0);
    second.drain();
    answer();
    const { publisher } = await coming;
    expect(publisher.refusedWith?.code).toBe('draining');
    expect(second.publishers).toBe(0);
    expect((await rig.registry.stream(key))?.standby).toBeUndefined();
  });

  it('its own next attempt takes its place', async () => {
    await rig.publish(first, { token });
    const answer = answerLate('declareBackup');
    const early = rig.publish(second, backupParams);
    await rig.run(0);
    const late = rig.publish(second, backupParams);
    await rig.run(0);
    answer();
    expect((await early).publisher.refusedWith?.code).toBe('already_publishing');
    expect((await late).publisher.isAccepted).toBe(true);
    expect((await rig.registry.stream(key))?.standby).toMatchObject({ ...refOf('o2'), publishes: true });
  });
});

describe('while the claim of a backup is under way', () => {
  it('a node that is closed opens nothing any more', async () => {
    const primary = await rig.publish(first, { token });
    await rig.publish(second, backupParams);
    await rig.run(500);
    const answer = answerLate('claim');
    primary.isSilent = true;
    await rig.run(2_000);
    second.close();
    answer();
    await rig.run(0);
    expect(second.streams.size).toBe(0);
    expect(second.publishers).toBe(0);
  });

  it('an edge that hears of it first gets the stream as soon as the backup has it', async () => {
    const primary = await rig.publish(first, { token });
    await rig.publish(second, backupParams);
    await rig.run(500);
    const answer = answerLate('claim');
    primary.isSilent = true;
    const before = (await rig.registry.stream(key))?.epoch ?? 0;
    let epoch = before;
    for (let steps = 0; steps < 100 && epoch === before; steps++) {
      await rig.run(20);
      epoch = (await rig.registry.stream(key))?.epoch ?? 0;
    }
    const puller = new TestPuller(rig.relay, 'o2:1', { minEpoch: epoch });
    await rig.run(0);
    expect(puller.opened ?? puller.refusedWith).toBeUndefined();
    answer();
    await rig.run(0);
    expect(puller.opened?.epoch).toBe(epoch);
    expect(epoch).toBeGreaterThan(before);
  });
});
