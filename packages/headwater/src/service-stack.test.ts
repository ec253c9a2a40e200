import { silentLogger } from '@headwater/contracts';
import { describe, expect, it } from 'vitest';
import { ServiceStack } from './service-stack.ts';
import { ServiceStartError, type Service } from './service.ts';
import { SystemClock } from './system-clock.ts';

const context = { clock: new SystemClock(), logger: silentLogger };

function recorded(names: string[], over: Record<string, Partial<Service>> = {}): [ServiceStack, string[]] {
  const events: string[] = [];
  const services = names.map((name) => ({
    name,
    start: async () => void events.push(`start ${name}`),
    stop: async () => void events.push(`stop ${name}`),
    ...over[name],
  }));
  return [new ServiceStack(services, context), events];
}

describe('ServiceStack', () => {
  it('starts in order and stops in reverse, once', async () => {
    const [stack, events] = recorded(['a', 'b']);
    await stack.start();
    expect(await stack.stop(100)).toBe(true);
    expect(await stack.stop(100)).toBe(true);
    expect(events).toEqual(['start a', 'start b', 'stop b', 'stop a']);
  });

  it('stops what had started when a service cannot start', async () => {
    const cause = new Error('no');
    const [stack, events] = recorded(['a', 'b', 'c'], { b: { start: () => Promise.reject(cause) } });
    const error = await stack.start().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ServiceStartError);
    expect(error).toMatchObject({ service: 'b', cause });
    expect(events).toEqual(['start a', 'stop a']);
  });

  it('starts no further service once it is not wanted any more', async () => {
    const [stack, events] = recorded(['a', 'b']);
    let starts = 0;
    await stack.start(() => starts++ === 0);
    expect(events).toEqual(['start a']);
  });

  it('goes on stopping when a service fails to or never ends, and says so', async () => {
    const [stack, events] = recorded(['a', 'b', 'c'], {
      b: { stop: () => new Promise(() => undefined) },
      c: { stop: () => Promise.reject(new Error('no')) },
    });
    await stack.start();
    // The clock's timers do not keep the process alive; a listening node has sockets that do.
    const alive = setInterval(() => undefined, 100);
    expect(await stack.stop(0)).toBe(false);
    clearInterval(alive);
    expect(events.at(-1)).toBe('stop a');
  });
});
