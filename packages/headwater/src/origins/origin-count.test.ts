import { compileConfig, type Config } from '@headwater/contracts';
import { describe, expect, it } from 'vitest';
import { originCount } from './origin-count.ts';

const eight = (): number => 8;
const redis = { kind: 'redis', redis: { url: 'redis://127.0.0.1' } };

function config(workers: number | 'auto', registry: object = redis): Config {
  return compileConfig({ workers, registry }, { defaultNodeId: 'n1' });
}

describe('originCount', () => {
  it('is as many as are wanted, or one for each core, where a node is an origin and nothing else', () => {
    expect(originCount(config(3), ['origin'], eight)).toBe(3);
    expect(originCount(config('auto'), ['origin'], eight)).toBe(8);
  });

  it('is none where the node is one process', () => {
    expect(originCount(config(1), ['origin'], eight)).toBe(0);
    expect(originCount(config('auto'), ['origin'], () => 1)).toBe(0);
  });

  it('is none where the node has another role, or a registry that nobody shares', () => {
    expect(originCount(config(3), ['edge'], eight)).toBe(0);
    expect(originCount(config(3), ['origin', 'edge', 'router', 'controller'], eight)).toBe(0);
    expect(originCount(config(3, {}), ['origin'], eight)).toBe(0);
  });
});
