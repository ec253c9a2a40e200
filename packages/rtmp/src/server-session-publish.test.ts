import { AppError, type CloseReason, type ErrorCode } from '@headwater/contracts';
import { describe, expect, it } from 'vitest';
import { AmfEcmaArray, amfObject } from './amf-value.ts';
import { encodeAmf0 } from './amf0-encode.ts';
import { messageType } from './message.ts';
import { ClientBytes } from './testing/client-bytes.ts';
import { ServerHarness, statusOf } from './testing/server-harness.ts';
import { splitEverywhere } from './testing/split-reads.ts';

const metadata = encodeAmf0('onMetaData', new AmfEcmaArray([['width', 640]]));
const sentMetadata = Buffer.concat([encodeAmf0('@setDataFrame'), metadata]);
const keyframe = Buffer.from('17010000000000000141', 'hex');
const sound = Buffer.from('af01de04', 'hex');

const publishStart = [
  'streamBegin 1',
  'onFCPublish 0 NetStream.Publish.Start',
  'onStatus @1 NetStream.Publish.Start',
];

/** As FFmpeg does it: one burst with format 1 headers, publish on a chunk stream of its own, deltas for media. */
function ffmpegPublish(client: ClientBytes): void {
  client.handshake().connect({ type: 'nonprivate', flashVer: 'FMLE/3.0 (compatible; Lavf59.27.100)' });
  client.control({ kind: 'setChunkSize', chunkSize: 60_000 });
  const framing = { format: 1, chunkStreamId: 3 } as const;
  client
    .call({ name: 'releaseStream', transactionId: 2, args: [null, 'cam?token=t'], ...framing })
    .call({ name: 'FCPublish', transactionId: 3, args: [null, 'cam?token=t'], ...framing })
    .call({ name: 'createStream', transactionId: 4, ...framing })
    .call({ name: '_checkbw', transactionId: 5, ...framing })
    .call({
      name: 'publish',
      transactionId: 5,
      args: [null, 'cam?token=t', 'live'],
      messageStreamId: 1,
      chunkStreamId: 8,
    });
}

/** As OBS and other librtmp encoders do it; the name of a stream is not repeated in deleteStream. */
function obsPublish(client: ClientBytes): void {
  client.handshake().connect({ type: 'nonprivate', flashVer: 'FMLE/3.0 (compatible; FMSc/1.0)', swfUrl: '' });
  client.control({ kind: 'setChunkSize', chunkSize: 4096 });
  client
    .call({ name: 'releaseStream', transactionId: 2, args: [null, 'cam'], format: 1 })
    .call({ name: 'FCPublish', transactionId: 3, args: [null, 'cam'], format: 1 })
    .call({ name: 'createStream', transactionId: 4, format: 1 })
    .call({
      name: 'publish',
      transactionId: 5,
      args: [null, 'cam', 'live'],
      messageStreamId: 1,
      chunkStreamId: 4,
    });
}

describe('a publish', () => {
  it('is answered as FFmpeg needs it', () => {
    const harness = new ServerHarness();
    harness.delegate.isAccepting = true;
    ffmpegPublish(harness.client);
    harness.send();
    expect(harness.replies().slice(4)).toEqual([
      '_result 2',
      '_result 3',
      '_result 4 1',
      '_result 5',
      ...publishStart,
    ]);
    expect(harness.delegate.events).toEqual(['publish live/cam']);
    expect([...(harness.delegate.publishes[0]?.params ?? [])]).toEqual([['token', 't']]);
  });

  it('is answered as OBS needs it', () => {
    const harness = new ServerHarness();
    harness.delegate.isAccepting = true;
    obsPublish(harness.client);
    harness.send();
    expect(harness.replies().slice(4)).toEqual(['_result 2', '_result 3', '_result 4 1', ...publishStart]);
  });

  it('is answered as GStreamer needs it, which waits for each reply', () => {
    const harness = new ServerHarness();
    harness.delegate.isAccepting = true;
    harness.client.handshake().connect({ flashVer: 'LNX 10,0,32,18', fpad: false, capabilities: 15 });
    harness.send();
    harness.replies();
    harness.client
      .call({ name: 'releaseStream', transactionId: 2, args: [null, 'cam'] })
      .call({ name: 'FCPublish', transactionId: 3, args: [null, 'cam'] })
      .call({ name: 'createStream', transactionId: 4, args: [null] });
    harness.send();
    expect(harness.replies()).toContain('_result 4 1');
    harness.client.call({
      name: 'publish',
      transactionId: 5,
      args: [null, 'cam', 'live'],
      messageStreamId: 1,
    });
    harness.send();
    expect(harness.replies()).toEqual(publishStart);
  });

  it('leads to the same replies and events however its bytes are split', () => {
    const bytes = new ClientBytes();
    ffmpegPublish(bytes);
    bytes
      .media('data', 0, sentMetadata)
      .media('video', 0, keyframe)
      .media('audio', 5, sound)
      .call({ name: 'FCUnpublish', transactionId: 6, args: [null, 'cam?token=t'] })
      .call({ name: 'deleteStream', transactionId: 7, args: [null, 1] });
    const dialogue = bytes.take();
    const outcomes = new Set<string>();
    for (const pieces of splitEverywhere(dialogue)) {
      const harness = new ServerHarness();
      harness.delegate.isAccepting = true;
      for (const piece of pieces) harness.session.read(piece);
      expect(harness.writes.length).toBeLessThanOrEqual(Math.max(pieces.length, 1));
      outcomes.add(JSON.stringify([harness.replies(), harness.delegate.events]));
    }
    expect([...outcomes]).toHaveLength(1);
    const [, events] = JSON.parse([...outcomes][0] ?? '[]') as [string[], string[]];
    expect(events).toEqual([
      'publish live/cam',
      `data 0 ${metadata.length}`,
      'video 0 10',
      'audio 5 4',
      'publish of cam ended: unpublished',
    ]);
  });

  it('starts only when the delegate has accepted it; media before that is dropped', () => {
    const harness = ServerHarness.connected();
    harness.publish('cam');
    harness.client.media('video', 0, keyframe);
    for (let index = 0; index < 200; index += 1) harness.client.media('audio', index, sound);
    harness.send();
    expect(harness.replies()).toEqual([]);
    expect(harness.session.state).toBe('connected');
    harness.delegate.acceptPublish();
    expect(harness.replies()).toEqual(publishStart);
    harness.client.media('video', 40, keyframe);
    harness.send();
    expect(harness.delegate.events).toEqual(['publish live/cam', 'video 40 10']);
  });

  it('hands metadata on byte for byte, without @setDataFrame', () => {
    const harness = ServerHarness.publishing();
    const other = encodeAmf0('onTextData', amfObject({ text: 'hi' }));
    const odd = Buffer.concat([encodeAmf0('onMetaData'), Buffer.from([8, 9, 9, 9, 9, 0, 1, 0x61, 14, 0xff])]);
    harness.client
      .media('data', 1, sentMetadata)
      .media('data', 2, metadata)
      .media('data', 3, Buffer.concat([encodeAmf0('@setDataFrame'), odd]))
      .media('data', 4, other)
      .message(messageType.dataAmf3, Buffer.concat([Buffer.of(0), sentMetadata]), { messageStreamId: 1 });
    harness.send();
    expect(harness.delegate.payloads).toEqual([metadata, metadata, odd, other, metadata]);
  });

  it('has its aggregates split', () => {
    const harness = ServerHarness.publishing();
    const tag = (typeId: number, timestampMs: number, body: Buffer): Buffer => {
      const header = Buffer.alloc(11);
      header[0] = typeId;
      header.writeUIntBE(body.length, 1, 3);
      header.writeUIntBE(timestampMs, 4, 3);
      return Buffer.concat([header, body, Buffer.alloc(4)]);
    };
    const aggregate = Buffer.concat([tag(8, 100, sound), tag(9, 120, keyframe), tag(18, 120, sentMetadata)]);
    harness.client.message(messageType.aggregate, aggregate, { messageStreamId: 1, timestampMs: 5000 });
    harness.send();
    expect(harness.delegate.events.slice(1)).toEqual([
      'audio 5000 4',
      'video 5020 10',
      `data 5020 ${metadata.length}`,
    ]);
  });

  it('merges the parameters of connection and name; those of the name win', () => {
    const harness = new ServerHarness();
    harness.client
      .handshake()
      .connect({ app: 'live/?token=app&a=1', tcUrl: 'rtmp://h/live?token=url&u=2' })
      .call({ name: 'createStream', transactionId: 2 });
    harness.publish('cam?token=%6eame&b');
    expect(harness.delegate.events).toEqual(['publish live/cam']);
    expect(new Map(harness.delegate.publishes[0]?.params)).toEqual(
      new Map([
        ['token', 'name'],
        ['u', '2'],
        ['a', '1'],
        ['b', ''],
      ]),
    );
  });

  it.each<[ErrorCode, string]>([
    ['already_publishing', 'NetStream.Publish.BadName'],
    ['stream_name_invalid', 'NetStream.Publish.BadName'],
    ['publish_denied', 'NetStream.Publish.Denied'],
    ['registry_unavailable', 'NetStream.Publish.Failed'],
    ['limit_reached', 'NetStream.Publish.Denied'],
    ['internal', 'NetStream.Publish.Denied'],
  ])('that is refused as %s is answered with %s', (code, status) => {
    const harness = ServerHarness.connected();
    harness.publish('cam');
    harness.delegate.publishes[0]?.refuse(new AppError(code, { cause: new Error('secret') }));
    const messages = harness.messages();
    expect(statusOf(messages[0])).toMatchObject({ level: 'error', code: status });
    expect(messages).toHaveLength(1);
    expect(messages[0]?.messageStreamId).toBe(1);
  });

  it('that is refused drops what is sent all the same, and closes a client that goes on', () => {
    const harness = ServerHarness.connected();
    harness.publish('cam');
    harness.delegate.publishes[0]?.refuse(new AppError('already_publishing'));
    for (let index = 0; index < 64; index += 1) harness.client.media('video', index, keyframe);
    harness.send();
    expect(harness.session.state).toBe('connected');
    harness.client.media('video', 100, keyframe);
    harness.send();
    expect(harness.delegate.events).toEqual(['publish live/cam', 'closed protocol_error']);
  });

  it('that is refused gives the client some seconds to try another name', () => {
    const harness = ServerHarness.connected();
    harness.publish('cam');
    harness.delegate.publishes[0]?.refuse(new AppError('already_publishing'));
    harness.clock.advance(2000);
    harness.publish('cam2');
    harness.clock.advance(60_000);
    expect(harness.session.state).toBe('connected');
    harness.delegate.publishes[1]?.refuse(new AppError('already_publishing'));
    harness.clock.advance(3000);
    expect(harness.delegate.closedReason).toBe('timeout');
  });

  it('is cancelled when the client goes away before the answer; a late answer has no effect', () => {
    const harness = ServerHarness.connected();
    harness.publish('cam');
    const [request] = harness.delegate.publishes;
    expect(request?.isCancelled).toBe(false);
    harness.session.transportClosed();
    expect(request?.isCancelled).toBe(true);
    const control = harness.delegate.acceptPublish();
    control.close('kicked');
    expect(control.requestReconnect()).toBe(false);
    request?.refuse(new AppError('publish_denied'));
    expect(harness.delegate.events).toEqual([
      'publish live/cam',
      'closed client_closed',
      'publish of cam ended: client_closed',
    ]);
    expect(harness.replies()).toEqual([]);
  });

  it.each([
    ['FCUnpublish', [null, 'cam']],
    ['FCUnpublish', [null, 'cam?token=t']],
    ['deleteStream', [null, 1]],
    ['closeStream', [null]],
    ['publish', [null, false]],
  ])('ends at once by %s %j, and the client is told', (name, args) => {
    const harness = ServerHarness.publishing();
    harness.client.call({ name, transactionId: 0, args, messageStreamId: 1 });
    harness.send();
    expect(harness.delegate.events).toEqual(['publish live/cam', 'publish of cam ended: unpublished']);
    const replies = harness.replies();
    expect(replies.at(-1)).toBe('onStatus @1 NetStream.Unpublish.Success');
    expect(replies.includes('onFCUnpublish 0 NetStream.Unpublish.Success')).toBe(name === 'FCUnpublish');
  });

  it('can be started again on a message stream that was closed, not on one that was deleted', () => {
    const harness = ServerHarness.publishing();
    harness.client.call({ name: 'closeStream', messageStreamId: 1 });
    harness.publish('cam');
    harness.client.call({ name: 'deleteStream', args: [null, 1] });
    harness.publish('cam');
    expect(harness.delegate.publishes).toHaveLength(2);
    expect(harness.replies().at(-1)).toBe('_error 9 NetConnection.Call.Failed');
  });

  it.each([
    ['releaseStream', [null, 'cam']],
    ['releaseStream', [null, 'other']],
    ['FCUnpublish', [null, 'other']],
    ['FCUnpublish', [null]],
    ['FCUnpublish', [null, 7]],
    ['deleteStream', [null, 2]],
    ['deleteStream', [null, '1']],
    ['deleteStream', []],
    ['closeStream', []],
  ])('is not ended by %s %j', (name, args) => {
    const harness = ServerHarness.publishing();
    harness.client.call({ name, transactionId: 0, args });
    harness.client.media('audio', 20, sound);
    harness.send();
    expect(harness.delegate.events).toEqual(['publish live/cam', 'audio 20 4']);
  });

  it('is lost when the transport closes without a word', () => {
    const harness = ServerHarness.publishing();
    harness.session.transportClosed();
    expect(harness.delegate.events.slice(1)).toEqual([
      'publish of cam ended: publisher_lost',
      'closed client_closed',
    ]);
  });

  it.each<[CloseReason, string]>([
    ['replaced', 'NetStream.Publish.BadName'],
    ['kicked', 'NetStream.Publish.Denied'],
    ['limit', 'NetStream.Publish.Failed'],
    ['shutdown', 'NetStream.Unpublish.Success'],
  ])('that the node closes as %s is told %s before the connection closes', (reason, code) => {
    const harness = ServerHarness.connected();
    harness.publish('cam');
    const control = harness.delegate.acceptPublish();
    harness.messages();
    control.close(reason);
    control.close(reason);
    expect(harness.replies()).toEqual([`onStatus @1 ${code}`]);
    expect(harness.delegate.events.slice(1)).toEqual([`publish of cam ended: ${reason}`, `closed ${reason}`]);
  });

  it('asks for a reconnect in the exact form, and only a client that announced the ability', () => {
    for (const capsEx of [0, 1, 2, 15]) {
      const harness = new ServerHarness();
      harness.client.handshake().connect({ capsEx }).call({ name: 'createStream', transactionId: 2 });
      harness.publish('cam');
      const control = harness.delegate.acceptPublish();
      harness.messages();
      const isAble = (capsEx & 1) === 1;
      expect(control.requestReconnect({ tcUrl: 'rtmp://b/live', description: 'draining' })).toBe(isAble);
      const messages = harness.messages();
      expect(messages).toHaveLength(isAble ? 1 : 0);
      if (!isAble) continue;
      expect(messages[0]).toMatchObject({ typeId: 20, chunkStreamId: 3, messageStreamId: 0 });
      const info = amfObject({
        level: 'status',
        code: 'NetConnection.Connect.ReconnectRequest',
        tcUrl: 'rtmp://b/live',
        description: 'draining',
      });
      expect(messages[0]?.payload).toEqual(encodeAmf0('onStatus', 0, null, info));
      harness.client.media('audio', 20, sound);
      harness.send();
      expect(harness.delegate.events.at(-1)).toBe('audio 20 4');
    }
  });

  it('does not mix with the others of its connection', () => {
    const harness = ServerHarness.connected({ streams: 3 });
    harness.delegate.isAccepting = true;
    harness.publish('a', 1);
    harness.publish('b', 2);
    harness.client.media('audio', 1, sound, 2).call({ name: 'FCUnpublish', args: [null, 'a'] });
    harness.client.media('audio', 2, sound, 2).media('audio', 3, sound, 3);
    harness.send();
    harness.session.transportClosed();
    expect(harness.delegate.events).toEqual([
      'publish live/a',
      'publish live/b',
      'audio 1 4',
      'publish of a ended: unpublished',
      'audio 2 4',
      'publish of b ended: publisher_lost',
      'closed client_closed',
    ]);
  });
});
