import { AppError, silentLogger, type CloseReason } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AmfEcmaArray, amfObject } from './amf-value.ts';
import { encodeAmf0 } from './amf0-encode.ts';
import type { ClientAction } from './client-calls.ts';
import { RtmpClientSession } from './client-session.ts';
import { encodeMessage } from './chunk-writer.ts';
import { encodeCommand } from './commands.ts';
import { ChunkReader } from './chunk-reader.ts';
import { decodeControlMessage, encodeControlMessage } from './control-message.ts';
import { handshakeBytes } from './handshake.ts';
import { defaultChunkReaderLimits, rtmpChunkSizeOut } from './limits.ts';
import { rtmpFormat } from './rtmp-format.ts';
import { RtmpServerSession } from './server-session.ts';
import { statusObject } from './status.ts';
import { RecordingDelegate } from './testing/recording-delegate.ts';
import { describeMessage } from './testing/server-harness.ts';
import { splitByLengths } from './testing/split-reads.ts';

const target = { app: 'live', tcUrl: 'rtmp://host:1935/live', name: 'cam?token=t' };
const metadata = encodeAmf0('onMetaData', new AmfEcmaArray([['width', 640]]));

/** A client and a server session wired back to back in memory. */
class Pair {
  readonly clock = new ManualClock();
  readonly delegate = new RecordingDelegate();
  readonly events: string[] = [];
  readonly payloads: Buffer[] = [];
  readonly client: RtmpClientSession;
  readonly server: RtmpServerSession;
  readonly #toServer: Buffer[] = [];
  readonly #toClient: Buffer[] = [];
  readonly #sent: Buffer[] = [];
  closedError: AppError | undefined;

  constructor(action: ClientAction, capsEx?: number) {
    this.client = new RtmpClientSession({
      clock: this.clock,
      action,
      target,
      ...(capsEx === undefined ? {} : { capsEx }),
      output: (bytes) => {
        this.#toServer.push(bytes);
        this.#sent.push(bytes);
      },
      delegate: {
        started: () => this.events.push('started'),
        media: (kind, timestampMs, payload) => {
          this.payloads.push(payload);
          this.events.push(`${kind} ${timestampMs} ${payload.length}`);
        },
        status: (status) => this.events.push(`${status.level} ${status.code}`),
        reconnectRequested: (options) => this.events.push(`reconnect ${options.tcUrl ?? ''}`),
        closed: (reason, error) => {
          this.events.push(`closed ${reason}`);
          this.closedError = error;
        },
      },
    });
    this.server = new RtmpServerSession({
      clock: this.clock,
      logger: silentLogger,
      delegate: this.delegate,
      output: (bytes) => this.#toClient.push(bytes),
    });
  }

  /** Moves bytes in both directions until there are no more, cut into pieces of the given lengths. */
  run(lengths: readonly number[] = [Infinity]): this {
    while (this.#toServer.length + this.#toClient.length > 0) {
      const up = Buffer.concat(this.#toServer.splice(0));
      for (const piece of splitByLengths(up, lengths)) this.server.read(piece);
      const down = Buffer.concat(this.#toClient.splice(0));
      for (const piece of splitByLengths(down, lengths)) this.client.read(piece);
    }
    return this;
  }

  start(lengths?: readonly number[]): this {
    this.delegate.isAccepting = true;
    this.client.start();
    return this.run(lengths);
  }

  /** All that the client said since its handshake, one line each. */
  said(): string[] {
    const lines: string[] = [];
    const reader = new ChunkReader(defaultChunkReaderLimits);
    reader.read(Buffer.concat(this.#sent).subarray(handshakeBytes), (message) => {
      lines.push(describeMessage(message));
      const control = decodeControlMessage(message);
      if (control?.kind === 'setChunkSize') reader.setChunkSize(control.chunkSize);
    });
    return lines;
  }

  /** Bytes that the node writes beside the server session. */
  toClient(bytes: Buffer): this {
    this.#toClient.push(bytes);
    return this.run();
  }
}

describe('a publishing client', () => {
  it.each([[[Infinity]], [[1]], [[7, 300, 1]]])(
    'gets its media to the server, in pieces of %j bytes',
    (lengths) => {
      const pair = new Pair('publish').start(lengths);
      expect(pair.events).toEqual(['status NetStream.Publish.Start', 'started']);
      const big = Buffer.alloc(70_000, 0x17);
      pair.client.sendMedia('data', 0, metadata);
      pair.client.sendMedia('video', 2 ** 32 - 20, big);
      pair.client.sendMedia('video', 2 ** 32 + 20, Buffer.alloc(0));
      pair.client.sendMedia('audio', 2 ** 32 + 30, Buffer.of(0xaf, 1));
      pair.client.sendMedia('data', 2 ** 32 + 40, encodeAmf0('onCuePoint'));
      pair.run(lengths);
      expect(pair.delegate.events).toEqual([
        'publish live/cam',
        `data 0 ${metadata.length}`,
        'video 4294967276 70000',
        'video 4294967316 0',
        'audio 4294967326 2',
        'data 4294967336 13',
      ]);
      expect(pair.delegate.payloads.slice(0, 2)).toEqual([metadata, big]);
    },
  );

  it('sends nothing before it is accepted', () => {
    const pair = new Pair('publish');
    pair.client.start();
    pair.run();
    expect(pair.client.state).toBe('requesting');
    pair.client.sendMedia('audio', 0, Buffer.of(0xaf, 1));
    pair.delegate.acceptPublish();
    pair.run();
    expect(pair.client.state).toBe('live');
    expect(pair.delegate.events).toEqual(['publish live/cam']);
  });

  it('ends its stream explicitly when it closes', () => {
    const pair = new Pair('publish').start();
    pair.client.close();
    pair.client.close('shutdown');
    pair.client.sendMedia('audio', 0, Buffer.of(0xaf, 1));
    pair.run();
    expect(pair.delegate.events.slice(1)).toEqual(['publish of cam ended: unpublished']);
    expect(pair.events.slice(2)).toEqual(['closed client_closed']);
  });

  it.each([
    ['already_publishing', 'NetStream.Publish.BadName'],
    ['publish_denied', 'NetStream.Publish.Denied'],
  ] as const)('that is refused closes with %s', (code, status) => {
    const pair = new Pair('publish');
    pair.client.start();
    pair.run();
    pair.delegate.publishes[0]?.refuse(new AppError(code));
    pair.run();
    expect(pair.events).toEqual([`error ${status}`, 'closed denied']);
    expect(pair.closedError).toMatchObject({ code, details: { status } });
  });

  it('whose connect is refused closes with the status', () => {
    const pair = new Pair('publish');
    pair.delegate.connectError = new AppError('app_unknown');
    pair.start();
    expect(pair.events).toEqual(['error NetConnection.Connect.InvalidApp', 'closed denied']);
    expect(pair.closedError?.code).toBe('app_unknown');
  });

  it('announces what it can do and hears the request to reconnect', () => {
    const pair = new Pair('publish', 1).start();
    expect(pair.delegate.client).toMatchObject({ capsEx: 1, fourCcList: ['*'], app: 'live' });
    expect(pair.server.requestReconnect({ tcUrl: 'rtmp://b/live' })).toBe(true);
    pair.run();
    expect(pair.events.slice(2)).toEqual([
      'status NetConnection.Connect.ReconnectRequest',
      'reconnect rtmp://b/live',
    ]);
    expect(pair.client.state).toBe('live');
  });

  it('announces nothing by default, and is then not asked to reconnect', () => {
    const pair = new Pair('publish').start();
    expect(pair.delegate.client).toMatchObject({ capsEx: 0, fourCcList: [] });
    expect(pair.server.requestReconnect()).toBe(false);
  });

  it.each<[CloseReason, readonly string[]]>([
    ['replaced', ['error NetStream.Publish.BadName', 'closed denied']],
    ['shutdown', ['status NetStream.Unpublish.Success', 'closed stream_ended']],
  ])('is told when the server ends it as %s', (reason, events) => {
    const pair = new Pair('publish').start();
    pair.server.close(reason);
    pair.run();
    expect(pair.events.slice(2)).toEqual(events);
  });

  it('gives up when the server has not accepted it in time', () => {
    const pair = new Pair('publish');
    pair.client.start();
    pair.clock.advance(19_999);
    expect(pair.events).toEqual([]);
    pair.clock.advance(1);
    expect(pair.events).toEqual(['closed timeout']);
  });
});

describe('a playing client', () => {
  const format = rtmpFormat({ messageStreamId: 1 });

  it.each([[[Infinity]], [[1]], [[5, 2000]]])(
    'gets what the server’s node writes, in pieces of %j bytes',
    (lengths) => {
      const pair = new Pair('play').start(lengths);
      expect(pair.delegate.events).toEqual(['play live/cam on 1']);
      const frame = { role: 'media', sequence: 0 } as const;
      const frames = [
        { ...frame, kind: 'data', timestampMs: 9, payload: metadata },
        { ...frame, kind: 'video', timestampMs: 10, payload: Buffer.alloc(61_000, 0x17) },
        { ...frame, kind: 'audio', timestampMs: 11, payload: Buffer.of(0xaf, 1) },
      ] as const;
      pair.toClient(format.encode(frames));
      expect(pair.events.slice(2)).toEqual([`data 9 ${metadata.length}`, 'video 10 61000', 'audio 11 2']);
      expect(pair.payloads).toEqual(frames.map(({ payload }) => payload));
    },
  );

  it('closes when the stream ends', () => {
    const pair = new Pair('play');
    pair.client.start();
    pair.run();
    pair.delegate.acceptPlay().end('stream_ended');
    pair.run();
    expect(pair.events).toEqual([
      'status NetStream.Play.Start',
      'started',
      'status NetStream.Play.UnpublishNotify',
      'closed stream_ended',
    ]);
  });

  it('closes when the stream is not found', () => {
    const pair = new Pair('play');
    pair.client.start();
    pair.run();
    pair.delegate.plays[0]?.refuse(new AppError('stream_not_found'));
    pair.run();
    expect(pair.events).toEqual(['error NetStream.Play.StreamNotFound', 'closed denied']);
    expect(pair.closedError?.code).toBe('stream_not_found');
  });

  it('says what players say, in their order', () => {
    const pair = new Pair('play').start();
    pair.client.close();
    expect(pair.said()).toEqual([
      'connect 1',
      'windowAckSize 2500000',
      'setChunkSize 60000',
      'createStream 4',
      'play 5 -1000',
      'setBufferLength 1 3000',
      'deleteStream 7 1',
    ]);
  });

  it('answers pings, and acknowledges when asked to', () => {
    const pair = new Pair('play').start();
    const controls = [
      { kind: 'pingRequest', timestamp: 77 },
      { kind: 'windowAckSize', windowBytes: 2000 },
    ] as const;
    for (const control of controls) {
      pair.toClient(encodeMessage(encodeControlMessage(control), rtmpChunkSizeOut));
    }
    expect(pair.said().at(-2)).toBe('pingResponse 77');
    expect(pair.said().at(-1)).toMatch(/^acknowledgement \d+$/);
  });

  it('stays for as long as the stream does', () => {
    const pair = new Pair('play').start();
    pair.clock.advance(29_000);
    expect(pair.client.state).toBe('live');
    for (let minute = 0; minute < 5; minute += 1) {
      pair.clock.advance(60_000);
      pair.run();
    }
    expect(pair.client.state).toBe('live');
  });

  it('takes status from data messages, and these as no part of the stream', () => {
    const pair = new Pair('play').start();
    const data = (payload: Buffer) =>
      encodeMessage(
        { chunkStreamId: 5, typeId: 18, messageStreamId: 1, timestampMs: 0, payload },
        rtmpChunkSizeOut,
      );
    pair.toClient(data(encodeAmf0('|RtmpSampleAccess', true, true)));
    const complete = statusObject({ level: 'status', code: 'NetStream.Play.Complete', description: '' });
    pair.toClient(data(encodeAmf0('onPlayStatus', complete)));
    expect(pair.events.slice(2)).toEqual(['status NetStream.Play.Complete', 'closed stream_ended']);
  });

  it('is told where else to go by a redirect', () => {
    const pair = new Pair('play');
    const ex = amfObject({ code: 302, redirect: 'rtmp://b/live' });
    const status = { level: 'error', code: 'NetConnection.Connect.Rejected', description: '' } as const;
    const args = [null, statusObject(status, { ex })];
    pair.delegate.connect = () => {
      pair.toClient(encodeMessage(encodeCommand({ name: '_error', transactionId: 1, args }), 128));
      return undefined;
    };
    pair.start();
    expect(pair.closedError?.details['redirect']).toBe('rtmp://b/live');
  });

  it.each(['handshake', 'live'])('that reads random bytes when %s ends its own session at most', (state) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => {
        const pair = new Pair('play');
        if (state === 'live') pair.start();
        else pair.client.start();
        expect(pair.client.state).toBe(state);
        pair.client.read(Buffer.from(bytes));
        pair.client.transportClosed();
        expect(pair.events.filter((event) => event.startsWith('closed'))).toHaveLength(1);
        expect(pair.events.at(-1)).not.toBe('closed internal_error');
      }),
      { numRuns: 150 },
    );
  });

  it('leaves no timer behind', () => {
    const pair = new Pair('play').start();
    pair.client.transportClosed();
    pair.server.transportClosed();
    expect(pair.clock.pendingTimers).toBe(0);
  });
});
