import { testNode } from '@headwater/cluster/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { rendezvousWeight } from './rendezvous.ts';
import { testFrame, testRecord, UpstreamRig } from './testing/index.ts';

const record = testRecord(5);
const stallMs = 2_000;

// Those of some edges that are before `edge-1`, the best first.
const ownWeight = rendezvousWeight(record.stream, 'edge-1');
const before = Array.from({ length: 40 }, (_, index) => `edge-${String(index + 2)}`)
  .map((nodeId) => ({ nodeId, weight: rendezvousWeight(record.stream, nodeId) }))
  .filter(({ weight }) => weight > ownWeight)
  .sort((a, b) => b.weight - a.weight)
  .map(({ nodeId }) => nodeId);
const [shield = '', standIn = ''] = before;

let rig: UpstreamRig;

beforeEach(async () => {
  rig = new UpstreamRig();
  rig.find = async () => Promise.resolve(record);
  rig.shield = 'always';
  rig.nodes = [shield, standIn].map((nodeId) =>
    testNode(nodeId, { roles: ['edge'], zone: '', region: '', addresses: { relay: `${nodeId}:1` } }),
  );
  rig.upstream.start();
  await rig.settle();
  rig.opened(5);
  rig.frames(0, 10, 'keyframe');
  rig.news();
});

describe('an edge behind a shield', () => {
  it('pulls through it, and serves no peer', () => {
    expect(rig.addresses).toEqual([`${shield}:1`]);
    expect(rig.last.request.reach).toBe('shield');
    expect(rig.openings).toEqual(['shield']);
    expect(rig.upstream.isDirect).toBe(false);
  });

  it('goes on after the last frame with the stand-in when the shield is gone', async () => {
    rig.cut();
    await rig.pass(150);
    expect(rig.addresses).toEqual([`${shield}:1`, `${standIn}:1`]);
    expect(rig.last.request).toMatchObject({ reach: 'shield', resume: { epoch: 5, sequence: 10 } });
    rig.opened(5, 10);
    rig.frames(10, 12);
    expect(rig.news()).toEqual(['lost', 'opened 5', 'frames 5 10,11']);
    expect(rig.reported).toEqual([]);
  });

  it('goes on with the stand-in when the shield stops, and does not come back to it at once', async () => {
    rig.last.handler.ended('shutdown');
    await rig.pass(150);
    expect(rig.last).toMatchObject({
      address: `${standIn}:1`,
      request: { reach: 'shield', resume: { epoch: 5, sequence: 10 } },
    });
  });

  it('goes to the owner when neither delivers, and back to the shield when that does', async () => {
    rig.cut();
    await rig.pass(150);
    rig.refuse();
    expect(rig.last.address).toBe('origin-5:1');
    expect(rig.last.request.reach).toBeUndefined();
    rig.opened(5, 10);
    rig.frames(10, 12);
    rig.news();
    const { handler } = rig.last;
    for (let sequence = 12; sequence < 22; sequence++) {
      handler.frames([testFrame(sequence)]);
      await rig.pass(1_000);
    }
    expect(rig.last.address).toBe(`${shield}:1`);
    rig.news();
    rig.opened(5, 22);
    rig.frames(22, 24);
    expect(rig.news()).toEqual(['opened 5', 'frames 5 22,23']);
    expect(rig.pulls.filter(({ isClosed }) => !isClosed)).toEqual([rig.last]);
  });

  it('lets the shield find another upstream first when nothing comes', async () => {
    await rig.pass(stallMs + 500);
    rig.frames(10, 11);
    expect(rig.addresses).toEqual([`${shield}:1`]);
    await rig.pass(2 * stallMs + 500);
    expect(rig.addresses).toEqual([`${shield}:1`, `${standIn}:1`]);
  });

  it('hears of a new epoch from the shield, which has it then', async () => {
    const newer = testRecord(6);
    rig.find = async () => Promise.resolve(newer);
    rig.upstream.claimed(newer);
    await rig.settle();
    expect(rig.pulls).toHaveLength(1);
    rig.last.handler.ended('replaced');
    await rig.settle();
    expect(rig.last).toMatchObject({ address: `${shield}:1`, request: { minEpoch: 6 } });
  });

  it('does not wait for a shield that has missed the new epoch', async () => {
    rig.upstream.claimed(testRecord(6));
    rig.last.handler.state('interrupted');
    rig.upstream.claimed(testRecord(7));
    await rig.pass(2 * stallMs + 500);
    expect(rig.last).toMatchObject({ address: `${standIn}:1`, request: { minEpoch: 7 } });
  });

  it('believes it that the stream is over', () => {
    rig.last.handler.ended('unpublished');
    expect(rig.news()).toEqual(['ended unpublished']);
  });

  it('pulls from the owner, after the last frame, as soon as others pull through it', () => {
    const [through] = rig.pulls;
    rig.isAsked = true;
    rig.upstream.leaveShield();
    expect(rig.last).toMatchObject({
      address: 'origin-5:1',
      request: { resume: { epoch: 5, sequence: 10 } },
    });
    expect(through?.isClosed).toBe(true);
    rig.upstream.leaveShield();
    expect(rig.pulls).toHaveLength(2);
  });
});
