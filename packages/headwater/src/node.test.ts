import { describe, expect, it } from 'vitest';
import { Node } from './node.ts';
import type { Service } from './service.ts';
import { nodeView, testContext } from './testing/node-fixture.ts';

function service(over: Partial<Service> = {}): Service {
  return { name: 'test', start: async () => undefined, stop: async () => undefined, ...over };
}

const noDrain = async (): Promise<void> => undefined;

describe('Node', () => {
  it('is ready between start and stop, unless its roles have a reason not to be', async () => {
    const context = testContext();
    const reasons: string[] = [];
    const view = nodeView({ notReadyReasons: () => reasons });
    const node = new Node(context, { services: [service()], view, drain: noDrain });
    expect(node.readiness()).toEqual({ isReady: false, reasons: ['node is starting'] });
    await node.start();
    expect(node.readiness()).toEqual({ isReady: true, reasons: [] });
    reasons.push('registry is away');
    expect(node.readiness()).toEqual({ isReady: false, reasons: ['registry is away'] });
    expect(await node.stop(1000)).toBe(true);
    expect(node.state).toBe('stopped');
  });

  it('is ready in doubt, and says what about', async () => {
    const context = testContext();
    const view = nodeView({ doubts: () => ['nobody has heard of this node'] });
    const node = new Node(context, { services: [service()], view, drain: noDrain });
    await node.start();
    const answer = await fetch(`http://${context.addresses.all().admin ?? ''}/readyz`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({
      isReady: true,
      reasons: [],
      doubts: ['nobody has heard of this node'],
    });
    await node.stop(1000);
  });

  it('has no admin port where another process answers for it', async () => {
    const context = testContext();
    const parts = { services: [service()], view: nodeView(), drain: noDrain };
    const node = new Node(context, parts, { hasAdmin: false });
    await node.start();
    expect(node.readiness().isReady).toBe(true);
    expect(context.addresses.all().admin).toBeUndefined();
    expect(await node.stop(1000)).toBe(true);
  });

  it('answers on the admin port while its services start and stop', async () => {
    const context = testContext();
    const seen: number[] = [];
    const look = async (): Promise<void> => {
      seen.push((await fetch(`http://${context.addresses.all().admin ?? ''}/readyz`)).status);
    };
    const node = new Node(context, {
      services: [service({ start: look, stop: look })],
      view: nodeView(),
      drain: noDrain,
    });
    await node.start();
    await look();
    await node.stop(1000);
    expect(seen).toEqual([503, 200, 503]);
  });

  it('stops in the middle of a start', async () => {
    const events: string[] = [];
    const first = service({
      start: async () => {
        events.push('start');
        stopped = node.stop(1000);
      },
      stop: async () => void events.push('stop'),
    });
    let stopped = Promise.resolve(false);
    const never = service({ start: async () => void events.push('never') });
    const node = new Node(testContext(), { services: [first, never], view: nodeView(), drain: noDrain });
    await node.start();
    expect(await stopped).toBe(true);
    expect(events).toEqual(['start', 'stop']);
    expect(node.state).toBe('stopped');
  });

  it('is not ready while it drains, and serves on', async () => {
    const context = testContext();
    let drained = (): void => undefined;
    const drain = async (): Promise<void> => new Promise((resolve) => (drained = resolve));
    const node = new Node(context, { services: [service()], view: nodeView(), drain });
    await node.start();
    const draining = node.drain(1000);
    expect(node.readiness()).toEqual({ isReady: false, reasons: ['node is draining'] });
    expect((await fetch(`http://${context.addresses.all().admin ?? ''}/healthz`)).status).toBe(200);
    drained();
    await draining;
    expect(await node.stop(1000)).toBe(true);
  });
});
