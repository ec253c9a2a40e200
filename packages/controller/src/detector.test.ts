import type { NodeSighting } from '@headwater/cluster';
import { testNode } from '@headwater/cluster/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { Detector } from './detector.ts';
import { defaultDetectorLimits, type NodeHealth, type ProbeOutcome } from './node-health.ts';

const nodes = ['o1', 'o2', 'o3'].map((nodeId) => testNode(nodeId, { addresses: { relay: `${nodeId}:1` } }));
const [o1 = testNode('o1'), o2 = o1, o3 = o1] = nodes;
const self = testNode('c1');
let detector: Detector;
let nowMs: number;

beforeEach(() => {
  detector = new Detector(defaultDetectorLimits, self);
  nowMs = 100_000;
});

function see(...sightings: NodeSighting[]): boolean {
  return detector.sighted(sightings, nowMs, nowMs);
}

function judge(mayJudge = true): string[] {
  return detector
    .judge({ nowMs, mayJudge, probingSinceMs: 0 })
    .map(({ node, from, to }) => `${node.incarnation}: ${from} → ${to}`);
}

function probed(outcome: ProbeOutcome, node = o1, trustedMs = 0): void {
  detector.probed(node, { outcome, startedMs: nowMs, endedMs: nowMs }, trustedMs);
}

const probes = (): string[] => detector.startProbes(nowMs).map(({ address }) => address);
const beats = (node: typeof o1, silentMs = 0): NodeSighting => ({ node, silentMs });
const healthOf = (node: typeof o1): NodeHealth | undefined =>
  detector.nodes().find((each) => each.node.incarnation === node.incarnation)?.health;

describe('the detector', () => {
  it('probes nobody while all beat', () => {
    see(beats(o1, 900), beats(o2), beats(o3));
    expect(judge()).toEqual([]);
    expect(probes()).toEqual([]);
    expect(detector.isAlert).toBe(false);
  });

  it('probes a suspect at once, then twice a second, one probe at a time', () => {
    see(beats(o1, 2_100), beats(o2));
    expect(judge()).toEqual(['o1 run 1: healthy → suspect']);
    expect(detector.isAlert).toBe(true);
    expect(probes()).toEqual(['o1:1']);
    nowMs += 600;
    expect(probes()).toEqual([]);
    probed('answered');
    expect(judge()).toEqual(['o1 run 1: suspect → isolated']);
    expect(probes()).toEqual(['o1:1']);
    probed('answered');
    nowMs += 400;
    expect(probes()).toEqual([]);
    nowMs += 100;
    expect(probes()).toEqual(['o1:1']);
  });

  it('probes at once what an edge reports, and holds it for dead at the first beat that it misses', () => {
    see(beats(o1, 300), beats(o2));
    detector.reported(o1, nowMs);
    expect(probes()).toEqual(['o1:1']);
    probed('refused');
    expect(judge()).toEqual([]);
    expect(detector.dueMs).toBe(nowMs + 720);
    nowMs += 700;
    see(beats(o1, 1_000), beats(o2));
    expect(judge()).toEqual([]);
    nowMs += 20;
    see(beats(o1, 1_020), beats(o2));
    expect(judge()).toEqual(['o1 run 1: healthy → dead']);
    expect(detector.dueMs).toBeUndefined();
  });

  it('awaits no verdict on a node that beat after the probe', () => {
    see(beats(o1, 300), beats(o2));
    detector.reported(o1, nowMs);
    probes();
    probed('refused');
    expect(detector.dueMs).toBeDefined();
    nowMs += 700;
    see(beats(o1, 0), beats(o2));
    expect(detector.dueMs).toBeUndefined();
    nowMs += 100;
    expect(judge()).toEqual([]);
  });

  it('probes a node that nobody reported at the first beat that it misses', () => {
    see(beats(o1, 1_030), beats(o2, 1_010));
    expect(judge()).toEqual([]);
    expect(detector.isAlert).toBe(true);
    expect(probes()).toEqual(['o1:1']);
    probed('refused');
    expect(judge()).toEqual(['o1 run 1: healthy → dead']);
  });

  it('waits with a node that does not answer until it has missed as many beats as make it suspect, and a probe more', () => {
    see(beats(o1, 1_030), beats(o2));
    expect(probes()).toEqual(['o1:1']);
    const startedMs = nowMs;
    nowMs += 1_000;
    see(beats(o1, 2_030), beats(o2));
    detector.probed(o1, { outcome: 'silent', startedMs, endedMs: nowMs }, 0);
    expect(judge()).toEqual(['o1 run 1: healthy → suspect']);
    expect(probes()).toEqual(['o1:1']);
    const againMs = nowMs;
    nowMs += 1_000;
    see(beats(o1, 3_030), beats(o2));
    detector.probed(o1, { outcome: 'silent', startedMs: againMs, endedMs: nowMs }, 0);
    expect(judge()).toEqual(['o1 run 1: suspect → dead']);
  });

  it('probes at once what an edge reports, also when a probe was answered just before', () => {
    see(beats(o1, 2_100), beats(o2));
    judge();
    expect(probes()).toEqual(['o1:1']);
    probed('answered');
    nowMs += 10;
    expect(probes()).toEqual([]);
    detector.reported(o1, nowMs);
    expect(probes()).toEqual(['o1:1']);
  });

  it('forgets a report when the node answers a probe that was begun after it', () => {
    see(beats(o1, 300));
    detector.reported(o1, nowMs);
    probes();
    nowMs += 100;
    detector.reported(o1, nowMs);
    detector.probed(o1, { outcome: 'answered', startedMs: nowMs - 100, endedMs: nowMs }, 0);
    expect(detector.isAlert).toBe(true);
    nowMs += 500;
    expect(probes()).toEqual(['o1:1']);
    probed('answered');
    expect(detector.isAlert).toBe(false);
  });

  it('forgets a report that nobody looked into for two leases', () => {
    see(beats(o1));
    detector.reported(o1, nowMs);
    nowMs += 8_001;
    see(beats(o1));
    judge(false);
    expect(detector.isAlert).toBe(false);
  });

  it('makes nothing of reports about nodes that nobody knows, or that are dead', () => {
    see(beats(o1, 2_100));
    judge();
    probes();
    probed('refused');
    judge();
    expect(healthOf(o1)).toBe('dead');
    detector.reported(o1, nowMs);
    detector.reported(o2, nowMs);
    nowMs += 10_000;
    expect(probes()).toEqual([]);
    expect(detector.nodes()).toHaveLength(1);
  });

  it('does not count a probe that failed while it was blind, and counts one that was answered', () => {
    see(beats(o1, 2_100), beats(o2, 2_100));
    judge();
    probes();
    probed('silent', o1, nowMs + 1);
    probed('answered', o2, nowMs + 1);
    expect(judge()).toEqual(['o2 run 1: suspect → isolated']);
    nowMs += 500;
    probes();
    probed('silent');
    probed('silent', o2);
    detector.distrust();
    expect(judge()).toEqual(['o2 run 1: isolated → suspect']);
  });

  it('takes a node that goes before its lease ended for one that left, and lets it come back', () => {
    see(beats(o1), beats(o2), beats(o3));
    nowMs += 1_000;
    expect(see(beats(o2), beats(o3))).toBe(true);
    expect(judge()).toEqual(['o1 run 1: healthy → left']);
    see(beats(o1), beats(o2), beats(o3));
    expect(judge()).toEqual(['o1 run 1: left → healthy']);
  });

  it('takes a node whose lease ended for suspect, and for dead when nobody listens there', () => {
    see(beats(o1, 3_900), beats(o2));
    judge(false);
    nowMs += 200;
    see(beats(o2));
    expect(healthOf(o1)).toBe('suspect');
    probes();
    probed('refused');
    expect(judge()).toEqual(['o1 run 1: suspect → dead']);
    expect(detector.nodes()[0]).toMatchObject({ isListed: false, silentMs: 4_100 });
  });

  it('takes an earlier run of a node for one that left', () => {
    see(beats(o1, 1_200), beats(o2));
    const next = { ...o1, incarnation: 'o1 run 2' };
    see(beats(next), beats(o2));
    expect(judge()).toEqual(['o1 run 1: healthy → left']);
    expect(healthOf(next)).toBe('healthy');
  });

  it('says that the registry forgot when most nodes are missing at once, and takes nobody for gone', () => {
    see(beats(o1), beats(o2), beats(o3));
    nowMs += 500;
    expect(see(beats(o3))).toBe(false);
    expect(judge(false)).toEqual(['o1 run 1: healthy → suspect', 'o2 run 1: healthy → suspect']);
    expect(see(beats(o1), beats(o2), beats(o3))).toBe(true);
    expect(judge()).toEqual(['o1 run 1: suspect → healthy', 'o2 run 1: suspect → healthy']);
  });

  it('watches an owner that the registry never showed, at the address of its stream', () => {
    detector.adopt({ nodeId: 'o9', incarnation: 'run 9' }, 'o9:1', nowMs);
    detector.adopt({ nodeId: 'o9', incarnation: 'run 9' }, 'elsewhere:1', nowMs);
    see(beats(o1));
    expect(judge()).toEqual(['run 9: healthy → suspect']);
    nowMs += 100;
    expect(probes()).toEqual(['o9:1']);
    probed('refused', { ...o1, nodeId: 'o9', incarnation: 'run 9' });
    nowMs += 1_100;
    see(beats(o1));
    expect(judge()).toEqual(['run 9: suspect → dead']);
  });

  it('never judges or probes the node that it runs on', () => {
    see(beats(self, 3_500), beats(o1));
    nowMs += 20_000;
    see(beats(o1));
    detector.reported(self, nowMs);
    expect(judge()).toEqual([]);
    expect(probes()).toEqual([]);
  });

  it('revives a dead node only when it beats', () => {
    see(beats(o1, 1_100), beats(o2));
    detector.reported(o1, nowMs);
    probes();
    probed('refused');
    expect(judge()).toEqual(['o1 run 1: healthy → dead']);
    // The evidence fades, the observer goes blind: neither is a sign of life.
    detector.distrust();
    expect(judge(false)).toEqual([]);
    see(beats(o1, 10), beats(o2));
    expect(judge(false)).toEqual(['o1 run 1: dead → healthy']);
  });

  it('forgets the dead after some minutes', () => {
    see(beats(o1, 3_999), beats(o2));
    judge(false);
    nowMs += 5_000;
    see(beats(o2));
    probes();
    probed('refused');
    judge();
    expect(detector.nodes()).toHaveLength(2);
    nowMs += 300_001;
    judge();
    expect(detector.nodes().map(({ node }) => node.nodeId)).toEqual(['o2']);
  });
});
