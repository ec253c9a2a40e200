import { AppError, type CloseReason, type ErrorCode } from '@headwater/contracts';
import { describe, expect, it } from 'vitest';
import type { AmfValue } from './amf-value.ts';
import { ClientBytes } from './testing/client-bytes.ts';
import { ServerHarness, statusOf } from './testing/server-harness.ts';
import { splitEverywhere } from './testing/split-reads.ts';

const playStart = ['streamBegin 1', 'onStatus @1 NetStream.Play.Start'];
const bufferLength = { kind: 'setBufferLength', messageStreamId: 1, bufferMs: 3000 } as const;

/** As FFmpeg does it, and VLC, which uses FFmpeg's code. */
function ffmpegPlay(client: ClientBytes): void {
  client.handshake().connect({
    flashVer: 'LNX 9,0,124,2',
    fpad: false,
    capabilities: 15,
    audioCodecs: 4071,
    videoCodecs: 252,
    videoFunction: 1,
  });
  client
    .control({ kind: 'windowAckSize', windowBytes: 2_500_000 })
    .call({ name: 'createStream', transactionId: 2 })
    .call({ name: '_checkbw', transactionId: 3 })
    .call({ name: 'getStreamLength', transactionId: 3, args: [null, 'cam'], chunkStreamId: 8 })
    .call({
      name: 'play',
      transactionId: 4,
      args: [null, 'cam', -2000],
      messageStreamId: 1,
      chunkStreamId: 8,
    })
    .control(bufferLength);
}

/** As rtmpdump and other players with librtmp do it: controls with format 1 and 3 headers on a fresh chunk stream 2. */
function librtmpPlay(client: ClientBytes): void {
  client.handshake().connect({ flashVer: 'LNX 10,0,32,18', fpad: false, capabilities: 15 });
  client
    .control({ kind: 'windowAckSize', windowBytes: 2_500_000 }, { format: 1 })
    .control({ ...bufferLength, messageStreamId: 0, bufferMs: 300 }, { format: 1 })
    .call({ name: 'createStream', transactionId: 2, format: 1 })
    .call({ name: 'FCSubscribe', transactionId: 3, args: [null, 'cam'], format: 1 })
    .call({ name: '_checkbw', transactionId: 4, format: 1 })
    .call({
      name: 'play',
      transactionId: 5,
      args: [null, 'cam', -1000],
      messageStreamId: 1,
      chunkStreamId: 8,
    })
    .control({ ...bufferLength, bufferMs: 36_000_000 }, { format: 1 })
    .control({ ...bufferLength, bufferMs: 36_000_000 }, { format: 3 });
}

describe('a play', () => {
  it('is answered as FFmpeg and VLC need it', () => {
    const harness = new ServerHarness();
    harness.delegate.isAccepting = true;
    ffmpegPlay(harness.client);
    harness.send();
    expect(harness.replies().slice(4)).toEqual(['_result 2 1', '_result 3', '_result 3 0', ...playStart]);
    expect(harness.delegate.events).toEqual(['play live/cam on 1']);
  });

  it('is answered as librtmp needs it', () => {
    const harness = new ServerHarness();
    harness.delegate.isAccepting = true;
    librtmpPlay(harness.client);
    harness.client.call({ name: 'deleteStream', transactionId: 6, args: [null, 1], format: 1 });
    harness.send();
    expect(harness.replies().slice(4)).toEqual([
      '_result 2 1',
      'onFCSubscribe 0 NetStream.Play.Start',
      '_result 4',
      ...playStart,
    ]);
    expect(harness.delegate.events).toEqual(['play live/cam on 1', 'play of cam ended: client_closed']);
  });

  it('is answered as GStreamer needs it', () => {
    const harness = new ServerHarness();
    harness.delegate.isAccepting = true;
    harness.client.handshake().connect({ flashVer: 'LNX 10,0,32,18' });
    harness.send();
    harness.client
      .control({ kind: 'windowAckSize', windowBytes: 2_500_000 })
      .control({ ...bufferLength, messageStreamId: 0 })
      .call({ name: 'createStream', transactionId: 2 });
    harness.send();
    harness.messages();
    harness.play('cam');
    expect(harness.replies()).toEqual(playStart);
  });

  it.each([ffmpegPlay, librtmpPlay])(
    'leads to the same replies however the bytes of %o are split',
    (dialogue) => {
      const bytes = new ClientBytes();
      dialogue(bytes);
      const outcomes = new Set<string>();
      for (const pieces of splitEverywhere(bytes.take())) {
        const harness = new ServerHarness();
        harness.delegate.isAccepting = true;
        for (const piece of pieces) harness.session.read(piece);
        outcomes.add(JSON.stringify([harness.replies(), harness.delegate.events]));
      }
      expect(outcomes.size).toBe(1);
      expect([...outcomes][0]).toContain('NetStream.Play.Start');
    },
  );

  it.each<[AmfValue, boolean]>([
    [true, true],
    [1, true],
    [3, true],
    [false, false],
    [0, false],
    [null, false],
    ['', false],
  ])('with reset %s says so: %s', (reset, isTold) => {
    const harness = ServerHarness.connected();
    harness.delegate.isAccepting = true;
    harness.client.call({ name: 'play', args: [null, 'cam', -2, -1, reset], messageStreamId: 1 });
    harness.send();
    expect(harness.replies().includes('onStatus @1 NetStream.Play.Reset')).toBe(isTold);
  });

  it('has its start written before accept returns, also in the middle of a read', () => {
    const harness = ServerHarness.connected();
    const writtenAtAccept: string[] = [];
    harness.delegate.play = (request) => {
      request.accept({ pause: () => undefined, receive: () => undefined, ended: () => undefined });
      writtenAtAccept.push(...harness.replies());
    };
    harness.client.call({ name: 'play', args: [null, 'cam'], messageStreamId: 1 });
    harness.client.control({ kind: 'pingRequest', timestamp: 7 });
    harness.send();
    expect(writtenAtAccept).toEqual(playStart);
    expect(harness.replies()).toEqual(['pingResponse 7']);
  });

  it('starts only when the delegate has accepted it', () => {
    const harness = ServerHarness.connected({ streams: 2 });
    harness.play('cam', 2);
    expect(harness.replies()).toEqual([]);
    harness.clock.advance(59_000);
    harness.delegate.acceptPlay();
    expect(harness.replies().slice(-2)).toEqual(['streamBegin 2', 'onStatus @2 NetStream.Play.Start']);
  });

  it.each<[ErrorCode, string]>([
    ['stream_not_found', 'NetStream.Play.StreamNotFound'],
    ['play_denied', 'NetStream.Play.Failed'],
    ['stream_name_invalid', 'NetStream.Play.Failed'],
    ['role_missing', 'NetStream.Play.Failed'],
  ])('that is refused as %s is answered with %s', (code, status) => {
    const harness = ServerHarness.connected();
    harness.play('cam');
    harness.delegate.plays[0]?.refuse(new AppError(code));
    const messages = harness.messages();
    expect(messages.map((message) => statusOf(message)?.code)).toEqual([status]);
    expect(statusOf(messages[0])?.level).toBe('error');
    expect(harness.delegate.events).toEqual(['play live/cam on 1']);
  });

  it('is cancelled when the client takes it back; a late answer has no effect', () => {
    const harness = ServerHarness.connected();
    harness.play('cam');
    harness.client.call({ name: 'closeStream', messageStreamId: 1 });
    harness.send();
    expect(harness.delegate.plays[0]?.isCancelled).toBe(true);
    harness.delegate.acceptPlay().end('stream_ended');
    harness.delegate.plays[0]?.refuse(new AppError('stream_not_found'));
    harness.delegate.plays[0]?.onCancel(() => harness.delegate.events.push('cancelled late'));
    expect(harness.replies()).toEqual([]);
    expect(harness.delegate.events).toEqual([
      'play live/cam on 1',
      'cancelled cam',
      'play of cam ended: client_closed',
      'cancelled late',
    ]);
  });

  it('tells its viewer to pause and to go on', () => {
    const harness = ServerHarness.playing();
    for (const isPaused of [true, true, false, false]) {
      harness.client.call({ name: 'pause', args: [null, isPaused, 0], messageStreamId: 1 });
    }
    harness.send();
    expect(harness.delegate.events.slice(1)).toEqual(['paused', 'resumed']);
    expect(harness.replies()).toEqual([
      'onStatus @1 NetStream.Pause.Notify',
      'onStatus @1 NetStream.Unpause.Notify',
    ]);
  });

  it('tells its viewer what the client wants to receive, each change once', () => {
    const harness = ServerHarness.playing();
    const receive = (name: string, isWanted: boolean) =>
      harness.client.call({ name, args: [null, isWanted], messageStreamId: 1 });
    receive('receiveVideo', true);
    receive('receiveVideo', false);
    receive('receiveVideo', false);
    receive('receiveAudio', false);
    receive('receiveVideo', true);
    harness.send();
    expect(harness.delegate.events.slice(1)).toEqual(['video unwanted', 'audio unwanted', 'video wanted']);
  });

  it('remembers what the client does not want until it is accepted', () => {
    const harness = ServerHarness.connected();
    harness.play('cam');
    harness.client.call({ name: 'receiveAudio', args: [null, false], messageStreamId: 1 });
    harness.send();
    harness.delegate.acceptPlay();
    expect(harness.delegate.events.slice(1)).toEqual(['audio unwanted']);
  });

  it('cannot seek', () => {
    const harness = ServerHarness.playing();
    harness.client.call({ name: 'seek', args: [null, 5000], messageStreamId: 1 });
    harness.send();
    expect(harness.replies()).toEqual(['onStatus @1 NetStream.Seek.Failed']);
    expect(harness.session.state).toBe('connected');
  });

  it('asked for again is one play', () => {
    const harness = ServerHarness.playing();
    for (let index = 0; index < 200; index += 1) harness.play('cam');
    expect(harness.delegate.plays).toHaveLength(1);
    expect(harness.delegate.events).toEqual(['play live/cam on 1']);
  });

  it('gives way to a play of another name on its message stream', () => {
    const harness = ServerHarness.playing();
    harness.play('other');
    expect(harness.delegate.events.slice(1)).toEqual([
      'play of cam ended: client_closed',
      'play live/other on 1',
    ]);
    expect(harness.replies()).toEqual(playStart);
  });

  it.each<[CloseReason, string]>([
    ['stream_ended', 'NetStream.Play.UnpublishNotify'],
    ['hold_expired', 'NetStream.Play.UnpublishNotify'],
    ['unpublished', 'NetStream.Play.UnpublishNotify'],
    ['stream_not_found', 'NetStream.Play.StreamNotFound'],
    ['slow_viewer', 'NetStream.Play.Failed'],
  ])('that the node ends as %s is told %s; the connection stays', (reason, code) => {
    const harness = ServerHarness.connected();
    harness.play('cam');
    const control = harness.delegate.acceptPlay();
    harness.messages();
    control.end(reason);
    control.end(reason);
    expect(harness.replies()).toEqual([
      `onStatus @1 ${code}`,
      'streamEof 1',
      'onStatus @1 NetStream.Play.Stop',
    ]);
    expect(harness.delegate.events.slice(1)).toEqual([`play of cam ended: ${reason}`]);
    expect(harness.session.state).toBe('connected');
    harness.clock.advance(30_000);
    expect(harness.delegate.closedReason).toBe('timeout');
  });

  it('is told why the session closes', () => {
    const harness = ServerHarness.playing();
    harness.session.close('shutdown');
    expect(harness.replies().slice(-1)).toEqual(['onStatus @1 NetStream.Play.Stop']);
    expect(harness.delegate.events.slice(1)).toEqual(['play of cam ended: shutdown', 'closed shutdown']);
  });
});

describe('a call', () => {
  it.each([
    ['getStreamLength', '_result 7 0'],
    ['_checkbw', '_result 7'],
    ['FCSubscribe', 'onFCSubscribe 0 NetStream.Play.Start'],
    ['play2', '_error 7 NetConnection.Call.Failed'],
    ['SetPlaylist', '_error 7 NetConnection.Call.Failed'],
    ['__proto__', '_error 7 NetConnection.Call.Failed'],
    ['constructor', '_error 7 NetConnection.Call.Failed'],
  ])('of %s is answered with %s', (name, reply) => {
    const harness = ServerHarness.connected();
    for (let index = 0; index < 100; index += 1) {
      harness.client.call({ name, transactionId: 7, args: [null] });
    }
    harness.send();
    expect(new Set(harness.replies())).toEqual(new Set([reply]));
    expect(harness.session.state).toBe('connected');
  });

  it.each(['play2', '_result', '_error', 'onStatus', 'pause', '_checkbw'])(
    'of %s without a transaction id is not answered',
    (name) => {
      const harness = ServerHarness.playing();
      harness.client.call({ name, transactionId: 0, args: [], messageStreamId: 7 });
      harness.send();
      expect(harness.replies()).toEqual([]);
    },
  );
});
