import { describe, expect, it } from 'vitest';
import { slotMaster, slotOf } from './cluster-slots.ts';

const asked = { host: '10.0.0.9', port: 7000 };

describe('hash slots', () => {
  it('are those of the specification', () => {
    expect(slotOf('123456789')).toBe(0x31c3);
    expect(slotOf('foo')).toBe(12_182);
  });

  it('are served by the first address of their range', () => {
    const reply = [
      [0, 100, ['10.0.0.1', 7001, 'id'], ['10.0.0.2', 7002, 'id']],
      [101, 16_383, ['', 7003, 'id']],
    ];
    expect(slotMaster(reply, 100, asked)).toEqual({ host: '10.0.0.1', port: 7001 });
    expect(slotMaster(reply, 101, asked)).toEqual({ host: '10.0.0.9', port: 7003 });
  });

  it('that nobody serves, or an answer of another form, are said so', () => {
    for (const reply of [[], null, 'x', [[1]], [['0', '1', []]], [[0, 5, null]]]) {
      expect(() => slotMaster(reply, 5, asked)).toThrow('CLUSTERDOWN nobody serves slot 5');
    }
  });
});
