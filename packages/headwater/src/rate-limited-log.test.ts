import type { LogFields, Logger } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { describe, expect, it } from 'vitest';
import { RateLimitedLog } from './rate-limited-log.ts';

function recorded(): { lines: [string, LogFields, string][]; logger: Logger } {
  const lines: [string, LogFields, string][] = [];
  const write = (level: string) => (fields: LogFields, message: string) =>
    void lines.push([level, fields, message]);
  const logger: Logger = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: () => logger,
  };
  return { lines, logger };
}

describe('RateLimitedLog', () => {
  it('reports the first at once and the rest of the second as one line', () => {
    const clock = new ManualClock();
    const { lines, logger } = recorded();
    const log = new RateLimitedLog(logger, clock);
    for (let peer = 1; peer <= 1000; peer++) log.report('warn', { peer }, 'bad handshake');
    expect(lines).toEqual([['warn', { peer: 1 }, 'bad handshake']]);
    clock.advance(1000);
    expect(lines.slice(1)).toEqual([['warn', { peer: 1000, repeated: 999 }, 'bad handshake']]);
    log.report('warn', { peer: 1001 }, 'bad handshake');
    clock.advance(999);
    expect(lines).toHaveLength(2);
    clock.advance(1);
    expect(lines[2]).toEqual(['warn', { peer: 1001, repeated: 1 }, 'bad handshake']);
  });

  it('reports at once again after a quiet second', () => {
    const clock = new ManualClock();
    const { lines, logger } = recorded();
    const log = new RateLimitedLog(logger, clock);
    log.report('info', { n: 1 }, 'a');
    clock.advance(1000);
    log.report('info', { n: 2 }, 'a');
    expect(lines).toEqual([
      ['info', { n: 1 }, 'a'],
      ['info', { n: 2 }, 'a'],
    ]);
  });

  it('counts different messages apart', () => {
    const { lines, logger } = recorded();
    const log = new RateLimitedLog(logger, new ManualClock());
    log.report('info', {}, 'a');
    log.report('error', {}, 'b');
    expect(lines.map(([, , message]) => message)).toEqual(['a', 'b']);
  });
});
