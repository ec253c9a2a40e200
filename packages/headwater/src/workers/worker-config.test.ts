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
    const text = JSON.stringify(workerConfigOf(config, false));
    expect(JSON.stringify(config)).toMatch(/redis-secret.*job-secret.*publish-secret/s);
    expect(text).not.toMatch(/redis-secret|job-secret|publish-secret/);
    expect(text).toContain('play-key');
  });

  it('says how the log is to look, as only the node sees the terminal', () => {
    const formatFor = (isTerminal: boolean): string => workerConfigOf(config, isTerminal).log.format;
    expect([formatFor(true), formatFor(false)]).toEqual(['pretty', 'auto']);
  });

  it('can be sent to another process', () => {
    const own = workerConfigOf(config, false);
    expect(structuredClone(own)).toEqual(own);
  });
});
