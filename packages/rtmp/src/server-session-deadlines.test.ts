import { describe, expect, it } from 'vitest';
import { ServerHarness } from './testing/server-harness.ts';

describe('the deadlines of a server session', () => {
  it('close a client that is silent', () => {
    const harness = new ServerHarness();
    harness.clock.advance(9_999);
    expect(harness.session.state).toBe('handshake');
    harness.clock.advance(1);
    expect(harness.delegate.events).toEqual(['closed timeout']);
    expect(harness.clock.pendingTimers).toBe(0);
  });

  it('are not moved by a handshake that comes a byte at a time', () => {
    const harness = new ServerHarness();
    const bytes = harness.client.handshake().take();
    for (let index = 0; index < 51; index += 1) {
      harness.session.read(bytes.subarray(index, index + 1));
      harness.clock.advance(200);
    }
    expect(harness.delegate.events).toEqual(['closed timeout']);
  });

  it('cover connect too, whatever else is sent meanwhile', () => {
    const harness = new ServerHarness();
    harness.client.handshake();
    for (let second = 0; second < 10; second += 1) {
      harness.client.control({ kind: 'pingRequest', timestamp: second });
      harness.send();
      harness.clock.advance(1000);
    }
    expect(harness.delegate.events).toEqual(['closed timeout']);
  });

  it('close a client that neither publishes nor plays within 30 s', () => {
    const harness = ServerHarness.connected();
    for (let second = 0; second < 29; second += 1) {
      harness.client.call({ name: 'createStream', transactionId: 3 });
      harness.send();
      harness.clock.advance(1000);
    }
    expect(harness.session.state).toBe('connected');
    harness.clock.advance(1000);
    expect(harness.delegate.closedReason).toBe('timeout');
  });

  it('leave a client alone while its request waits for an answer', () => {
    const harness = ServerHarness.connected();
    harness.play('cam');
    harness.clock.advance(59_000);
    expect(harness.session.state).toBe('connected');
  });

  it('begin again when a client has stopped what it did', () => {
    const harness = ServerHarness.playing();
    harness.clock.advance(25_000);
    harness.client.call({ name: 'closeStream', messageStreamId: 1 });
    harness.send();
    harness.clock.advance(29_999);
    expect(harness.session.state).toBe('connected');
    harness.clock.advance(1);
    expect(harness.delegate.closedReason).toBe('timeout');
  });

  it('close a publisher that sends no media for 10 s, whatever else it sends', () => {
    const harness = ServerHarness.publishing();
    for (let second = 0; second < 20; second += 1) {
      harness.clock.advance(1000);
      harness.client.media('audio', second, Buffer.of(0xaf, 1));
      harness.send();
    }
    for (let second = 0; second < 10; second += 1) {
      expect(harness.session.state).toBe('connected');
      harness.clock.advance(1000);
      harness.client.control({ kind: 'pingRequest', timestamp: 0 });
      harness.send();
    }
    expect(harness.delegate.events.slice(-2)).toEqual(['publish of cam ended: timeout', 'closed timeout']);
    expect(harness.clock.pendingTimers).toBe(0);
  });

  it('ask a silent viewer for a sign of life, and give it up when none comes', () => {
    const harness = ServerHarness.playing();
    harness.clock.advance(30_000);
    expect(harness.replies()).toEqual(['pingRequest 30000']);
    harness.clock.advance(59_999);
    expect(harness.session.state).toBe('connected');
    harness.clock.advance(1);
    expect(harness.delegate.events.slice(-2)).toEqual(['play of cam ended: timeout', 'closed timeout']);
    expect(harness.clock.pendingTimers).toBe(0);
  });

  it('leave a viewer alone that answers, or sends anything else', () => {
    const harness = ServerHarness.playing();
    for (let round = 0; round < 5; round += 1) {
      harness.clock.advance(50_000);
      expect(harness.replies()).toHaveLength(1);
      if (round % 2 === 0) harness.client.control({ kind: 'pingResponse', timestamp: 0 });
      else harness.client.control({ kind: 'acknowledgement', sequenceNumber: round });
      harness.send();
    }
    expect(harness.session.state).toBe('connected');
  });
});
