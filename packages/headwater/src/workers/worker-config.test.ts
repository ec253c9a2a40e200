import { compileConfig } from '@headwater/contracts';
import { describe, expect, it } from 'vitest';
import { workerConfigOf } from './worker-config.ts';

const config = compileConfig(
  {
    registry: { kind: 'redis', redis: { url: 'redis://:redis-secret@redis:6379' } },
    access: { kind: 'keys', keys: { live: { publish: ['publish-secret'], play: ['play-key'] } } },
    jobs: [{ pull: 'rtmp://user:job-secret@source/live/x', stream: 'live/x' }],
  },
  { defaultNodeId: 'n' },
);

describe('what a worker knows of the configuration', () => {
  it('holds no secret but the keys for playing', () => {
    const text = JSON.stringify(workerConfigOf(config, { size: 2, isTerminal: false }));
    expect(JSON.stringify(config)).toMatch(/redis-secret.*job-secret.*publish-secret/s);
    expect(text).not.toMatch(/redis-secret|job-secret|publish-secret/);
    expect(text).toContain('play-key');
  });

  it('says how the log is to look, as only the node sees the terminal', () => {
    const formatFor = (isTerminal: boolean): string =>
      workerConfigOf(config, { size: 2, isTerminal }).log.format;
    expect([formatFor(true), formatFor(false)]).toEqual(['pretty', 'auto']);
  });

  it('has a worker write to its part of the viewers as the node would to all of them', () => {
    const shared = compileConfig(
      { fanOut: { immediateBelowViewers: 301, manyViewers: 1500 } },
      { defaultNodeId: 'n' },
    );
    const { fanOut } = workerConfigOf(shared, { size: 3, isTerminal: false });
    expect(fanOut).toEqual({ ...shared.fanOut, immediateBelowViewers: 101, manyViewers: 500 });
  });

  it('can be sent to another process', () => {
    const own = workerConfigOf(config, { size: 2, isTerminal: false });
    expect(structuredClone(own)).toEqual(own);
  });
});
