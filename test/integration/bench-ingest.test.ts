import { describe, expect, it } from 'vitest';
import { parseIngestOptions } from '../bench/ingest/ingest-options.ts';
import { runIngest } from '../bench/ingest/run-ingest.ts';
import { unreadBytes, unsentBytes } from '../bench/measure/socket-queues.ts';
import { contender } from '../bench/servers/contenders.ts';

describe('the ingest bench', () => {
  it('has every publisher send its stream to a server that reads all of it', async () => {
    const options = parseIngestOptions(['--publishers', '4', '--seconds', '2']);
    if (options === undefined) throw new Error('no options');
    const result = await runIngest(contender('headwater'), options, { server: undefined, load: undefined });
    expect(result.bitsPerSecondAndPublisher).toBeGreaterThan(350_000);
    expect(result.bitsPerSecondAndPublisher).toBeLessThan(650_000);
    expect(result.warnings.filter((warning) => /read|disconnected/.test(warning))).toEqual([]);
  });

  it('counts what lies unread on the way to a port, or from it, and nothing else', () => {
    const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when
   0: 0100007F:078F 0100007F:A001 01 00000005:00000010 00:00000000 00000000
   1: 0100007F:A001 0100007F:078F 01 00000100:00000007 00:00000000 00000000
   2: 0100007F:1F90 0100007F:A002 01 00001000:00001000 00:00000000 00000000
`;
    expect(unreadBytes(0x78f, table)).toBe(0x10 + 0x100);
    expect(unreadBytes(0x78, table)).toBe(0);
    expect(unsentBytes(0x78f, table)).toBe(0x5 + 0x7);
  });
});
