import { describe, expect, it } from 'vitest';
import { ClientBytes } from './testing/client-bytes.ts';
import { ServerHarness } from './testing/server-harness.ts';

describe('a client', () => {
  it('that sends pings and reads nothing is closed when 1 MiB of answers would be unread', () => {
    const harness = ServerHarness.connected();
    const ping = new ClientBytes().control({ kind: 'pingRequest', timestamp: 7 }).take();
    const pings = Buffer.alloc(ping.length * 2000, ping);
    let answeredBytes = 0;
    for (let round = 0; round < 1000 && harness.session.state === 'connected'; round += 1) {
      harness.session.read(pings);
      const writtenBytes = harness.writes.splice(0).reduce((sum, bytes) => sum + bytes.length, 0);
      answeredBytes += writtenBytes;
      harness.pendingBytes += writtenBytes;
    }
    expect(harness.delegate.events).toEqual(['closed limit']);
    expect(answeredBytes).toBeLessThan(2.2 * 1024 * 1024);
  });

  it('that leaves too much unread is closed when it has been answered, not when it sends again', () => {
    const harness = ServerHarness.connected({ limits: { unreadReplyBytes: 5000 } });
    expect(harness.session.state).toBe('connected');
    harness.pendingBytes = 5001;
    const answerBytes = 18;
    for (let index = 0; index * answerBytes <= 5000; index += 1) {
      harness.client.control({ kind: 'pingRequest', timestamp: 7 });
    }
    harness.send();
    expect(harness.delegate.events).toEqual(['closed limit']);
  });

  it('that sends 200,000 pings in one go is closed as well', () => {
    const harness = ServerHarness.connected();
    const one = new ClientBytes().control({ kind: 'pingRequest', timestamp: 7 }).take();
    harness.session.read(Buffer.alloc(one.length * 200_000, one));
    expect(harness.delegate.events).toEqual(['closed limit']);
  });

  it('does not make a slow viewer of one that has much media ahead and pings now and then', () => {
    const harness = ServerHarness.playing();
    harness.pendingBytes = 4 * 1024 * 1024;
    for (let index = 0; index < 100; index += 1) {
      harness.client.control({ kind: 'pingRequest', timestamp: index });
    }
    harness.send();
    expect(harness.replies()).toHaveLength(100);
    expect(harness.session.state).toBe('connected');
  });
});
