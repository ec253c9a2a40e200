import { AppError } from '@headwater/contracts';
import { describe, expect, it } from 'vitest';
import { amfObject, isAmfObject, type AmfValue } from './amf-value.ts';
import { decodeCommand } from './commands.ts';
import { ServerHarness, statusOf } from './testing/server-harness.ts';

const connectReplies = [
  'windowAckSize 2500000',
  'setPeerBandwidth 2500000 dynamic',
  'setChunkSize 60000',
  '_result 1 NetConnection.Connect.Success',
];

describe('connect', () => {
  it('is answered in one write: windows and chunk size before the result', () => {
    const harness = new ServerHarness();
    harness.client.handshake();
    harness.send();
    expect(harness.session.state).toBe('awaiting-connect');
    expect(harness.writes.map((bytes) => bytes.length)).toEqual([3073]);
    harness.client.connect();
    harness.send();
    expect(harness.session.state).toBe('connected');
    expect(harness.writes).toHaveLength(2);
    expect(harness.replies()).toEqual(connectReplies);
  });

  it('is answered in the write of the handshake when everything comes in one piece', () => {
    const harness = new ServerHarness();
    harness.client.handshake().connect().call({ name: 'createStream', transactionId: 2 });
    harness.send();
    expect(harness.writes).toHaveLength(1);
    expect(harness.replies()).toEqual([...connectReplies, '_result 2 1']);
  });

  it('announces that any codec and any newer form of message is forwarded', () => {
    const harness = new ServerHarness();
    harness.client.handshake().connect({ objectEncoding: 3 });
    harness.send();
    const message = harness.messages().at(-1);
    const [properties, info] = (message && decodeCommand(message)?.args) ?? [];
    expect(properties).toEqual(
      amfObject({
        fmsVer: 'FMS/3,0,1,123',
        capabilities: 31,
        fourCcList: ['*'],
        videoFourCcInfoMap: amfObject({ '*': 4 }),
        audioFourCcInfoMap: amfObject({ '*': 4 }),
        capsEx: 15,
      }),
    );
    expect(isAmfObject(info) && info.get('objectEncoding')).toBe(3);
  });

  it('tells the delegate who the client is', () => {
    const harness = new ServerHarness();
    const enhanced = { capsEx: 5, fourCcList: ['av01', 7, 'hvc1', 'x'.repeat(17)], flashVer: 'FMLE/3.0' };
    harness.client.handshake().connect(enhanced);
    harness.send();
    expect(harness.delegate.client).toEqual({
      app: 'live',
      tcUrl: 'rtmp://host/live',
      flashVer: 'FMLE/3.0',
      capsEx: 5,
      fourCcList: ['av01', 'hvc1'],
    });
  });

  it('is understood as an AMF3 command, and with values switched to AMF3', () => {
    const harness = new ServerHarness();
    const properties = amfObject({ app: 'live' });
    harness.client.handshake().call({ name: 'connect', transactionId: 1, args: [properties], isAmf3: true });
    harness.send();
    expect(harness.replies()).toEqual(connectReplies);
  });

  it.each<[AmfValue, string]>([
    [7, '7'],
    [-1, '-1'],
    [Number.NaN, '0'],
    [Number.POSITIVE_INFINITY, '0'],
    ['1', '0'],
    [null, '0'],
  ])('echoes transaction id %s as %s', (transactionId, echoed) => {
    const harness = new ServerHarness();
    harness.client.handshake().call({ name: 'connect', transactionId, args: [amfObject({ app: 'live' })] });
    harness.send();
    expect(harness.replies().at(-1)).toBe(`_result ${echoed} NetConnection.Connect.Success`);
  });

  it.each<readonly AmfValue[]>([[[]], [[null]], [['live']], [[amfObject({ app: 7, tcUrl: null })]]])(
    'is refused when there is no app in %j',
    (args) => {
      const harness = new ServerHarness();
      harness.client.handshake().call({ name: 'connect', transactionId: 1, args: args as AmfValue[] });
      harness.send();
      expect(harness.replies()).toEqual(['_error 1 NetConnection.Connect.InvalidApp']);
      expect(harness.delegate.events).toEqual(['closed denied']);
    },
  );

  it.each([
    '',
    'rtmp',
    'rtmp://',
    'rtmp:///live',
    'rtmp://host:99999/live',
    'rtmp://host:port/live',
    'rtmp://[::1/live',
    'rtmp://[::1]:1935/live/',
    'http://host/live',
    'javascript:alert(1)',
    '%%%',
    'rtmp://%zz/%zz?%zz=%zz',
    '\u0000',
    'rtmp://user:pass@host/live',
    'x'.repeat(60_000),
  ])('goes by the app when tcUrl is %j', (tcUrl) => {
    const harness = new ServerHarness();
    harness.client.handshake().connect({ tcUrl });
    harness.send();
    expect(harness.replies()).toEqual(connectReplies);
    expect(harness.delegate.client?.app).toBe('live');
  });

  it('is refused with the status of the delegate’s error, and the session closed', () => {
    const harness = new ServerHarness();
    harness.delegate.connectError = new AppError('draining');
    harness.client.handshake().connect();
    harness.send();
    const messages = harness.messages();
    expect(messages).toHaveLength(1);
    expect(statusOf(messages[0])).toMatchObject({
      level: 'error',
      code: 'NetConnection.Connect.Rejected',
      description: 'this node is draining',
    });
    expect(harness.session.state).toBe('closed');
    expect(harness.delegate.closedError?.code).toBe('draining');
  });

  it('closes the session when it comes twice', () => {
    const harness = ServerHarness.connected();
    harness.client.connect();
    harness.send();
    expect(harness.delegate.events).toEqual(['closed protocol_error']);
  });

  it('must come before any other command', () => {
    for (const name of ['createStream', 'publish', 'play', 'deleteStream', 'nonsense']) {
      const harness = new ServerHarness();
      harness.client.handshake().call({ name, transactionId: 1 });
      harness.send();
      expect(harness.delegate.events).toEqual(['closed protocol_error']);
    }
  });

  it('leaves no timer behind when the session has closed', () => {
    const harness = ServerHarness.publishing();
    harness.session.transportClosed();
    harness.session.transportClosed();
    harness.session.close('shutdown');
    expect(harness.clock.pendingTimers).toBe(0);
    expect(harness.delegate.events.filter((event) => event.startsWith('closed'))).toEqual([
      'closed client_closed',
    ]);
  });
});

describe('control messages', () => {
  it('acknowledges what was received when the client asked for it', () => {
    const harness = ServerHarness.publishing();
    harness.client.control({ kind: 'windowAckSize', windowBytes: 10_000 });
    harness.send();
    expect(harness.replies()).toEqual([]);
    harness.client.media('video', 0, Buffer.alloc(10_000));
    harness.send();
    expect(harness.replies()).toEqual([expect.stringMatching(/^acknowledgement 1\d{4}$/)]);
  });

  it('answers Set Peer Bandwidth with the window only when it changes', () => {
    const harness = ServerHarness.connected();
    const limit = 'dynamic';
    harness.client
      .control({ kind: 'setPeerBandwidth', windowBytes: 2_500_000, limit })
      .control({ kind: 'setPeerBandwidth', windowBytes: 100_000, limit })
      .control({ kind: 'setPeerBandwidth', windowBytes: 100_000, limit });
    harness.send();
    expect(harness.replies()).toEqual(['windowAckSize 100000']);
  });

  it('answers a ping with the same time stamp', () => {
    const harness = ServerHarness.connected();
    harness.client.control({ kind: 'pingRequest', timestamp: 0xfeedbeef });
    harness.send();
    expect(harness.replies()).toEqual([`pingResponse 4276993775`]);
  });

  it('ignores buffer lengths, unknown events, and messages shorter than their fields', () => {
    const harness = ServerHarness.connected();
    harness.client.control({ kind: 'setBufferLength', messageStreamId: 1, bufferMs: 3000 });
    for (const typeId of [1, 2, 3, 4, 5, 6]) {
      for (const length of [0, 1, 2, 3]) harness.client.message(typeId, Buffer.alloc(length));
    }
    harness.client.message(4, Buffer.from('00ff00000000', 'hex'));
    harness.send();
    expect(harness.replies()).toEqual([]);
    expect(harness.session.state).toBe('connected');
  });

  it.each([0, 0x80000000, 0xffffffff])('closes the session at a chunk size of %d', (chunkSize) => {
    const harness = ServerHarness.connected();
    const payload = Buffer.alloc(4);
    payload.writeUInt32BE(chunkSize);
    harness.client.message(1, payload, { chunkStreamId: 2 });
    harness.send();
    expect(harness.delegate.closedReason).toBe('protocol_error');
  });
});
