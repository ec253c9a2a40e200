import { describe, expect, it } from 'vitest';
import { availableCores } from './available-cores.ts';

function cores(usable: number, files: Readonly<Record<string, string>>): number {
  return availableCores(usable, (path) => files[path]);
}

const self = '/proc/self/cgroup';

describe('availableCores', () => {
  it('is what the process may run on where nothing else limits it', () => {
    expect(cores(8, {})).toBe(8);
    expect(cores(8, { [self]: '0::/\n', '/sys/fs/cgroup/cpu.max': 'max 100000\n' })).toBe(8);
    expect(cores(8, { [self]: '4:cpu:/old\n', '/sys/fs/cgroup/cpu.max': 'nonsense' })).toBe(8);
  });

  it('is what a container gets, in whole cores', () => {
    const container = (quota: number): number =>
      cores(64, { [self]: '0::/\n', '/sys/fs/cgroup/cpu.max': `${quota} 100000\n` });
    expect([container(200_000), container(350_000), container(50_000)]).toEqual([2, 3, 1]);
  });

  it('is the smallest limit of all groups that the process is in', () => {
    const files = {
      [self]: '0::/system.slice/headwater.service\n',
      '/sys/fs/cgroup/system.slice/headwater.service/cpu.max': '600000 100000\n',
      '/sys/fs/cgroup/system.slice/cpu.max': '400000 100000\n',
    };
    expect(cores(64, files)).toBe(4);
    expect(cores(2, files)).toBe(2);
  });

  it('is a whole number on this machine', () => {
    expect(availableCores()).toBeGreaterThanOrEqual(1);
  });
});
