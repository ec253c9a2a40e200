import { parseStreamKey, type CloseReason } from '@headwater/contracts';
import { describe, expect, it } from 'vitest';
import { SessionDirectory, type LiveSession } from './session-directory.ts';

function session(id: string, over: Partial<LiveSession> = {}): LiveSession & { closed: CloseReason[] } {
  const closed: CloseReason[] = [];
  return {
    id,
    role: 'viewer',
    protocol: 'http-flv',
    stream: parseStreamKey('live/a'),
    remoteAddress: '192.0.2.1',
    sinceMs: 0,
    counters: () => ({ bytes: 10, droppedFrames: 2, lagMs: 5 }),
    close: (reason) => void closed.push(reason),
    closed,
    ...over,
  };
}

describe('SessionDirectory', () => {
  it('lists what is registered and forgets it once, however often it is closed', () => {
    const directory = new SessionDirectory();
    directory.register(session('p', { role: 'publisher', protocol: 'rtmp' }));
    const registration = directory.register(session('v'));
    expect(directory.views().map((view) => view.id)).toEqual(['p', 'v']);
    expect(directory.views()[1]).toMatchObject({ since: '1970-01-01T00:00:00.000Z', bytes: 10, lagMs: 5 });
    registration.close();
    registration.close();
    expect([directory.publishers, directory.viewers]).toEqual([1, 0]);
  });

  it('keeps a later session of the same id when an earlier registration is closed again', () => {
    const directory = new SessionDirectory();
    const first = directory.register(session('v'));
    first.close();
    directory.register(session('v'));
    first.close();
    expect(directory.viewers).toBe(1);
  });

  it('refuses two live sessions of one id', () => {
    const directory = new SessionDirectory();
    directory.register(session('v'));
    expect(() => directory.register(session('v'))).toThrow('session v is registered already');
  });

  it('kicks by id and says when there is none', () => {
    const directory = new SessionDirectory();
    const viewer = session('v');
    directory.register(viewer);
    expect(directory.kick('v')).toBe(true);
    expect(viewer.closed).toEqual(['kicked']);
    expect(directory.kick('x')).toBe(false);
  });

  it('closes all, or those of a role or of a stream', () => {
    const directory = new SessionDirectory();
    const publisher = session('p', { role: 'publisher' });
    const viewer = session('v', { stream: parseStreamKey('live/b') });
    directory.register(publisher);
    directory.register(viewer);
    directory.closeAll('shutdown', { role: 'publisher' });
    directory.closeAll('stream_ended', { stream: parseStreamKey('live/b') });
    directory.closeAll('shutdown');
    expect(publisher.closed).toEqual(['shutdown', 'shutdown']);
    expect(viewer.closed).toEqual(['stream_ended', 'shutdown']);
  });
});
