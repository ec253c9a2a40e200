import { compileConfig, ConfigError, type Config } from '@headwater/contracts';
import { describe, expect, it } from 'vitest';
import { checkRoomForOrigins, originConfigOf } from './origin-config.ts';

function config(input: object = {}): Config {
  return compileConfig({ bind: '127.0.0.1', ...input }, { defaultNodeId: 'n' });
}

function problemsOf(input: object, size: number): string[] {
  try {
    checkRoomForOrigins(config(input), size);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ key }) => key);
    throw error;
  }
}

describe('originConfigOf', () => {
  it('gives each origin an id and a relay port of its own, the first one that which is configured', () => {
    const all = [1, 2, 3].map((place) => originConfigOf(config({ relay: { port: 50_051 } }), place));
    expect(all.map(({ node }) => node.id)).toEqual(['n-1', 'n-2', 'n-3']);
    expect(all.map(({ relay }) => relay.port)).toEqual([50_051, 50_052, 50_053]);
    expect(all.every(({ workers }) => workers === 1)).toBe(true);
  });

  it('leaves free ports to the system', () => {
    expect(originConfigOf(config({ relay: { port: 0 } }), 3).relay.port).toBe(0);
  });

  it.each([
    ['a host', 'host.example.org', 'host.example.org'],
    ['a port of a row of ports', 'host.example.org:7000', 'host.example.org:7002'],
    ['an IPv6 address', '[2001:db8::1]', '[2001:db8::1]'],
    ['a bare IPv6 address', '2001:db8::1', '2001:db8::1'],
    ['an IPv6 address with a port', '[2001:db8::1]:7000', '[2001:db8::1]:7002'],
  ])('advertises %s', (_what, advertise, expected) => {
    expect(originConfigOf(config({ relay: { advertise } }), 3).relay.advertise).toBe(expected);
  });

  it('leaves everything else as it is', () => {
    const whole = config({ access: { kind: 'keys', keys: { live: { publish: ['secret'] } } } });
    const own = originConfigOf(whole, 2);
    const { node, relay, log } = whole;
    expect(own).toEqual({
      ...whole,
      node: { ...node, id: 'n-2' },
      relay: { ...relay, port: relay.port + 1 },
      log: { ...log, format: own.log.format },
    });
  });
});

describe('checkRoomForOrigins', () => {
  it('lets pass what fits', () => {
    expect(problemsOf({}, 4)).toEqual([]);
    expect(problemsOf({ relay: { port: 0 } }, 256)).toEqual([]);
    expect(problemsOf({ relay: { port: 65_532 } }, 4)).toEqual([]);
  });

  it('refuses rows of ports that end behind the last port, or that another port is in', () => {
    expect(problemsOf({ relay: { port: 65_533 } }, 4)).toEqual(['relay.port']);
    expect(problemsOf({ relay: { port: 9_089 } }, 2)).toEqual(['relay.port']);
    expect(problemsOf({ relay: { port: 1_933 } }, 3)).toEqual(['relay.port']);
    expect(problemsOf({ relay: { port: 1_933 } }, 2)).toEqual([]);
  });

  it('refuses advertised rows of ports that end behind the last port', () => {
    expect(problemsOf({ relay: { advertise: 'h:65533' } }, 4)).toEqual(['relay.advertise']);
    expect(problemsOf({ relay: { advertise: 'h:65532' } }, 4)).toEqual([]);
    expect(problemsOf({ relay: { advertise: '2001:db8::1' } }, 4)).toEqual([]);
  });

  it('refuses an id that leaves no room for those of its origins', () => {
    expect(problemsOf({ node: { id: 'x'.repeat(127) } }, 2)).toEqual(['node.id']);
    expect(problemsOf({ node: { id: 'x'.repeat(126) } }, 2)).toEqual([]);
  });
});
