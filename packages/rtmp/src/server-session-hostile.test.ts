import { AppError } from '@headwater/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { amfObject } from './amf-value.ts';
import { encodeAmf0 } from './amf0-encode.ts';
import { messageType } from './message.ts';
import { ClientBytes } from './testing/client-bytes.ts';
import { ServerHarness } from './testing/server-harness.ts';

const states: Readonly<Record<string, () => ServerHarness>> = {
  handshake: () => new ServerHarness(),
  'awaiting-connect': () => {
    const harness = new ServerHarness();
    harness.client.handshake();
    harness.send();
    return harness;
  },
  connected: () => ServerHarness.connected(),
  publishing: () => ServerHarness.publishing(),
  playing: () => ServerHarness.playing(),
};
const stateNames = Object.keys(states);

function inState(name: string): ServerHarness {
  const make = states[name];
  if (make === undefined) throw new Error(`no state ${name}`);
  return make();
}

/** Whatever happened, everyone was told exactly once, and nothing is left behind. */
function expectSettled(harness: ServerHarness): void {
  harness.session.transportClosed();
  const { events } = harness.delegate;
  expect(events.filter((event) => event.startsWith('closed'))).toHaveLength(1);
  expect(events.at(-1)).toMatch(/^closed/);
  const begun = events.filter((event) => /^(publish|play) live/.test(event)).length;
  expect(events.filter((event) => / ended: |^cancelled/.test(event))).toHaveLength(begun);
  expect(harness.delegate.closedReason).not.toBe('internal_error');
  expect(harness.clock.pendingTimers).toBe(0);
}

describe('a hostile client', () => {
  it.each([0x20, 0x47, 0x53, 0x80, 0xff])('that begins with byte %d is closed there and then', (first) => {
    const harness = new ServerHarness();
    harness.session.read(Buffer.of(first));
    expect(harness.delegate.events).toEqual(['closed protocol_error']);
    expect(harness.writes).toEqual([]);
  });

  it.each(stateNames)('that sends random bytes when %s ends its own session at most', (state) => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 4 }), (reads) => {
        const harness = inState(state);
        for (const bytes of reads) harness.session.read(Buffer.from(bytes));
        expectSettled(harness);
      }),
      { numRuns: 150 },
    );
  });

  it.each(stateNames)('that sends random messages when %s ends its own session at most', (state) => {
    const typeId = fc.oneof(fc.nat(25), fc.constantFrom(...Object.values(messageType)));
    const message = fc.record({
      typeId,
      payload: fc.uint8Array({ maxLength: 60 }),
      messageStreamId: fc.nat(3),
      chunkStreamId: fc.integer({ min: 3, max: 20 }),
    });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 20 }), (messages) => {
        const harness = inState(state);
        for (const { typeId: type, payload, ...framing } of messages) {
          harness.client.message(type, Buffer.from(payload), framing);
        }
        harness.send();
        expectSettled(harness);
      }),
      { numRuns: 150 },
    );
  });

  it('that calls anything with any arguments ends its own session at most', () => {
    const name = fc.constantFrom(
      ...[
        'createStream',
        'deleteStream',
        'releaseStream',
        'FCPublish',
        'FCUnpublish',
        'publish',
        'play',
        'pause',
      ],
      ...[
        'seek',
        'closeStream',
        'receiveAudio',
        'receiveVideo',
        'getStreamLength',
        'FCSubscribe',
        '_checkbw',
        'x',
      ],
    );
    const value = fc.oneof(
      fc.constantFrom(
        null,
        undefined,
        true,
        false,
        Number.NaN,
        -1,
        1,
        2,
        'cam',
        '',
        '?',
        '%',
        '../x',
        '\0\n',
      ),
      fc.string({ maxLength: 20 }),
      fc.constant(amfObject({ __proto__: 1 })),
      fc.constant([[[]]]),
    );
    const call = fc.record({
      name,
      transactionId: value,
      args: fc.array(value, { maxLength: 4 }),
      messageStreamId: fc.nat(3),
      isAmf3: fc.boolean(),
    });
    const isAccepting = fc.boolean();
    fc.assert(
      fc.property(fc.array(call, { maxLength: 30 }), isAccepting, (calls, accepts) => {
        const harness = ServerHarness.connected({ streams: 2 });
        harness.delegate.isAccepting = accepts;
        for (const one of calls) harness.client.call(one);
        harness.send();
        harness.session.transportClosed();
        expect(harness.delegate.closedReason).not.toBe('internal_error');
        expect(harness.clock.pendingTimers).toBe(0);
      }),
      { numRuns: 500 },
    );
  });

  it('that cuts its connect or publish at any byte is closed by its deadline', () => {
    const client = new ClientBytes().handshake().connect();
    client.call({ name: 'createStream', transactionId: 2 });
    client.call({ name: 'publish', transactionId: 3, args: [null, 'cam'], messageStreamId: 1 });
    const dialogue = client.take();
    for (let end = 3073; end < dialogue.length; end += 1) {
      const harness = new ServerHarness();
      harness.session.read(dialogue.subarray(0, end));
      harness.clock.advance(31_000);
      expect(harness.delegate.events).toEqual(['closed timeout']);
    }
  });

  it('that sends a command whose content is cut at any byte is closed or ignored, never served', () => {
    const payload = encodeAmf0('publish', 3, null, 'cam', 'live');
    for (let end = 0; end < payload.length - 7; end += 1) {
      const harness = ServerHarness.connected();
      harness.client.message(messageType.commandAmf0, payload.subarray(0, end), { messageStreamId: 1 });
      harness.send();
      const asked = harness.delegate.publishes.map((request) => request.name);
      expect(asked.filter((name) => name !== '')).toEqual([]);
      expect(harness.delegate.closedReason).not.toBe('internal_error');
    }
  });

  it.each([
    ['an unknown marker', Buffer.of(0x42)],
    ['a movie clip', Buffer.of(4)],
    ['a string beyond the message', Buffer.of(2, 0xff, 0xff, 0x41)],
    ['a strict array counting 2^32-1', Buffer.from('0affffffff0505', 'hex')],
    ['nesting without end', Buffer.from('0a00000001'.repeat(10_000), 'hex')],
    ['an object without its end', Buffer.from('03000161', 'hex')],
    ['AMF3 garbage', Buffer.from('110aff0b', 'hex')],
    [
      '60,000 properties',
      Buffer.concat([Buffer.of(3), Buffer.alloc(50_000, Buffer.from('00016105', 'hex'))]),
    ],
    ['64 KB and more', encodeAmf0('x'.repeat(65_536))],
  ])('that puts %s into a connect is closed', (_name, value) => {
    for (const state of ['awaiting-connect', 'publishing']) {
      const harness = inState(state);
      const payload = Buffer.concat([encodeAmf0('connect', 1), value]);
      harness.client.message(messageType.commandAmf0, payload);
      harness.send();
      expect(harness.delegate.closedReason).toBe('protocol_error');
      expectSettled(harness);
    }
  });

  it('that sends a command of 16 MB is closed before it is complete', () => {
    const harness = ServerHarness.connected();
    harness.client.raw(Buffer.from('03000000fffffe1400000000', 'hex')).raw(Buffer.alloc(128));
    harness.send();
    expect(harness.delegate.closedReason).toBe('protocol_error');
  });

  it('that plays and then sends media or metadata injects nothing and is closed', () => {
    const harness = ServerHarness.playing();
    const metadata = encodeAmf0('@setDataFrame', 'onMetaData', amfObject({}));
    for (let index = 0; index < 30; index += 1) {
      for (const id of [0, 1, 2]) harness.client.media('video', index, Buffer.of(0x17, 1), id);
      harness.client.media('data', index, metadata);
    }
    harness.send();
    expect(harness.delegate.payloads).toEqual([]);
    expect(harness.delegate.events.at(-1)).toBe('closed protocol_error');
  });

  it('is not one that sends stray messages now and then between its media', () => {
    const harness = ServerHarness.publishing();
    for (let index = 0; index < 200; index += 1) {
      harness.client.media('data', index, encodeAmf0('onMetaData'), 0);
      harness.client.media('audio', index, Buffer.of(0xaf, 1));
    }
    harness.send();
    expect(harness.delegate.payloads).toHaveLength(200);
    expect(harness.session.state).toBe('connected');
  });

  it('that sends media before connect, a zero-length video first, is closed after some of it', () => {
    const harness = inState('awaiting-connect');
    harness.client.media('video', 0, Buffer.alloc(0));
    harness.send();
    expect(harness.session.state).toBe('awaiting-connect');
    for (let index = 0; index < 64; index += 1) harness.client.media('audio', 0, Buffer.alloc(0));
    harness.send();
    expect(harness.delegate.events).toEqual(['closed protocol_error']);
  });

  it('that publishes bodies of 0 to 12 bytes has them handed on as they are', () => {
    const harness = ServerHarness.publishing();
    for (let length = 0; length <= 12; length += 1) {
      harness.client
        .media('video', length, Buffer.alloc(length, 0x96))
        .media('audio', length, Buffer.alloc(length, 0x95));
    }
    harness.send();
    expect(harness.delegate.payloads.map((payload) => payload.length)).toHaveLength(26);
  });

  it('that publishes data without a name, or of more than 1 MiB, has it dropped', () => {
    const harness = ServerHarness.publishing();
    const long = Buffer.concat([encodeAmf0('onMetaData'), Buffer.alloc(1024 * 1024)]);
    for (const data of [
      Buffer.alloc(0),
      encodeAmf0(1),
      encodeAmf0('@setDataFrame'),
      Buffer.of(2, 0xff),
      long,
    ]) {
      harness.client.media('data', 0, data);
    }
    harness.send();
    expect(harness.delegate.payloads).toEqual([]);
    expect(harness.session.state).toBe('connected');
  });

  it('that sends an aggregate with lengths beyond it is closed', () => {
    const harness = ServerHarness.publishing();
    harness.client.message(messageType.aggregate, Buffer.from('08ffffff0000000000000000', 'hex'), {
      messageStreamId: 1,
    });
    harness.send();
    expect(harness.delegate.closedReason).toBe('protocol_error');
  });

  it('that sends every unknown message type, empty and not, is ignored', () => {
    const harness = ServerHarness.publishing();
    const known: readonly number[] = Object.values(messageType);
    for (let typeId = 0; typeId < 256; typeId += 1) {
      const isShared = typeId === messageType.sharedObjectAmf0 || typeId === messageType.sharedObjectAmf3;
      if (known.includes(typeId) && !isShared) continue;
      harness.client.message(typeId, Buffer.alloc(0)).message(typeId, Buffer.alloc(9, typeId));
    }
    harness.send();
    expect(harness.replies()).toEqual([]);
    expect(harness.session.state).toBe('connected');
  });

  it('that creates streams without end gets 64, then errors, then is closed', () => {
    const harness = ServerHarness.connected({ streams: 0 });
    for (let index = 2; index < 2002; index += 1) {
      harness.client.call({ name: 'createStream', transactionId: index });
    }
    harness.send();
    const replies = harness.replies();
    expect(replies.filter((reply) => reply.startsWith('_result'))).toHaveLength(64);
    expect(replies.filter((reply) => reply.startsWith('_error'))).toHaveLength(65);
    expect(harness.delegate.events).toEqual(['closed protocol_error']);
  });

  it('that deletes what it creates can go on', () => {
    const harness = ServerHarness.connected({ streams: 0 });
    for (let id = 1; id <= 1000; id += 1) {
      harness.client
        .call({ name: 'createStream', transactionId: 2 })
        .call({ name: 'deleteStream', args: [null, id] });
    }
    harness.send();
    expect(harness.replies().at(-1)).toBe('_result 2 1000');
  });

  it('that publishes 50 names on one message stream holds one of them', () => {
    const harness = ServerHarness.connected();
    harness.delegate.isAccepting = true;
    for (let index = 0; index < 50; index += 1) harness.publish(`cam${index}`);
    expect(harness.delegate.publishes).toHaveLength(1);
    expect(
      harness.replies().filter((reply) => reply === 'onStatus @1 NetStream.Publish.BadName'),
    ).toHaveLength(49);
    expectSettled(harness);
  });

  it('that publishes on the stream it plays, or plays on the one it publishes, is refused', () => {
    const player = ServerHarness.playing();
    player.publish('x');
    expect(player.replies()).toEqual(['onStatus @1 NetStream.Publish.BadName']);
    const publisher = ServerHarness.publishing();
    publisher.play('x');
    expect(publisher.replies()).toEqual(['onStatus @1 NetStream.Play.Failed']);
    expect([...player.delegate.events, ...publisher.delegate.events]).toHaveLength(2);
  });

  it('that plays missing names one after the other is closed after 512', () => {
    const harness = ServerHarness.connected();
    for (let index = 0; index < 1500; index += 1) {
      harness.play(`cam${index}`);
      harness.delegate.plays[index]?.refuse(new AppError('stream_not_found'));
    }
    expect(harness.delegate.plays).toHaveLength(512);
    expect(harness.delegate.events.at(-1)).toBe('closed limit');
    expect(harness.clock.pendingTimers).toBe(0);
  });
});

describe('a fault of the node', () => {
  it('in a callback ends the session it happened in, and everyone is told', () => {
    const harness = ServerHarness.connected({ streams: 2 });
    harness.publish('a', 1);
    harness.publish('b', 2);
    const fault = new Error('planted');
    harness.delegate.publishes[0]?.accept({
      media: () => {
        throw fault;
      },
      ended: (reason) => {
        harness.delegate.events.push(`a ended: ${reason}`);
        throw fault;
      },
    });
    harness.delegate.acceptPublish();
    harness.client.media('audio', 0, Buffer.alloc(2), 1);
    expect(() => harness.send()).not.toThrow();
    expect(harness.delegate.events.slice(2)).toEqual([
      'a ended: internal_error',
      'publish of b ended: internal_error',
      'closed internal_error',
    ]);
    expect(harness.delegate.closedError?.cause).toBe(fault);
  });
});
