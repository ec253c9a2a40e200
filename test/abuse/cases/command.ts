import type { AbuseCase } from '../abuse-case.ts';
import { type Attack, goodStreamName } from '../attack.ts';
import { elapsed } from '../raw-connection.ts';
import { amf, commandPayload, messageType } from '../rtmp-bytes.ts';
import { connectObject, type RtmpPeer } from '../rtmp-peer.ts';

const badTcUrls = [
  '',
  'rtmp',
  'rtmp:',
  'rtmp://',
  'rtmp:///live',
  'rtmp://:1935/live',
  'rtmp://[::1/live',
  'rtmp://host:99999/live',
  'rtmp://host:x/live',
  '//host/live',
  'javascript:alert(1)',
  'rtmp://user:pa:ss@@host/live',
  'rtmp://host/%zz%00',
  `rtmp://${'h'.repeat(3000)}/live`,
  '\u0000\ud800\uffff',
];
const badApps = ['', '/', '..', '../../etc', 'live\u0000', 'live/../..', 'a'.repeat(3000)];
const oddTransactionIds = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  -1,
  -0,
  1e308,
  0.5,
];

/** Attacks on the command dialogue, each in a session of its own. */
export const commandCases: readonly AbuseCase[] = [
  {
    number: 28,
    title: 'malformed tcUrl and app values are refused or tolerated',
    expect: {},
    run: async (attack) => {
      const objects = [
        ...badTcUrls.map((tcUrl) => connectObject('live', tcUrl)),
        ...badApps.map((app) => connectObject(app)),
        amf.object({ app: amf.number(1), tcUrl: amf.boolean(true) }),
        amf.object({}),
        amf.null,
      ];
      await attack.each(objects, async (object) => {
        const peer = await attack.shake();
        await peer.command('connect', 1, object);
        await peer.command('createStream', 2, amf.null);
        await peer.command('publish', 3, amf.null, amf.string('bad-app'), amf.string('live'), { msid: 1 });
        await peer.connection.closedWithin(200);
      });
    },
  },
  {
    number: 29,
    title: 'transaction ids that are no ordinary numbers, or missing, are tolerated',
    expect: {},
    run: async (attack) => {
      const ids = [
        ...oddTransactionIds.map(amf.number),
        amf.string('one'),
        amf.null,
        amf.object({}),
        Buffer.alloc(0),
      ];
      await attack.each(ids, async (id) => {
        const peer = await attack.shake();
        const command = (name: string, ...rest: Buffer[]): Buffer =>
          Buffer.concat([amf.string(name), id, ...rest]);
        const object = connectObject(attack.target.app);
        await peer.send({ type: messageType.command, payload: command('connect', object) });
        await peer.send({ type: messageType.command, payload: command('createStream', amf.null) });
        await peer.send({ type: messageType.command, payload: command('nonsense', amf.null) });
        await peer.send({
          type: messageType.command,
          payload: command('play', amf.null, amf.string('x')),
          msid: 1,
        });
        await peer.connection.closedWithin(200);
      });
    },
  },
  {
    number: 30,
    title: 'connect and publish cut off at each byte end at most their own session',
    expect: {},
    run: async (attack) => {
      const connect = commandPayload('connect', 1, connectObject(attack.target.app));
      const publish = commandPayload('publish', 3, amf.null, amf.string('cut-off'), amf.string('live'));
      const cuts = [...prefixes(connect), ...prefixes(publish)];
      await attack.each(cuts, async (payload) => {
        const peer = payload.includes('publish') ? await attack.connected() : await attack.shake();
        await peer.send({ type: messageType.command, payload, msid: 1 });
        await peer.connection.closedWithin(30);
        peer.connection.reset();
      });
    },
  },
  {
    number: 34,
    title: "FCUnpublish, releaseStream, closeStream and deleteStream leave other connections' streams alone",
    expect: {},
    run: async (attack) => {
      const peer = await attack.connected();
      const name = amf.string(goodStreamName);
      await peer.createStream();
      for (const command of [
        'FCUnpublish',
        'releaseStream',
        'FCPublish',
        'closeStream',
        'FCUnsubscribe',
        'unpublish',
      ]) {
        for (const msid of [0, 1, 2]) await peer.command(command, 5, amf.null, name, { msid });
      }
      for (let id = 0; id < 50; id += 1) {
        await peer.command('deleteStream', 6, amf.null, amf.number(id), { msid: 0 });
      }
      await elapsed(1500);
    },
  },
  {
    number: 36,
    title: 'commands out of order and a second connect end at most their own session',
    expect: {},
    run: async (attack) => attack.each(disorders, async (disorder) => runDisorder(attack, disorder)),
  },
  {
    number: 37,
    title: '50,000 createStream commands create at most 64 streams',
    expect: { memoryMiB: 64 },
    run: async (attack) => {
      const peer = await attack.connected();
      for (let sent = 0; sent < 50_000 && !peer.connection.isClosed; sent += 1) {
        const isSent = peer.command('createStream', sent, amf.null);
        if (sent % 500 === 0) await isSent;
      }
      await elapsed(1000);
      const granted = peer.answers.filter((answer) => answer.payload.includes('_result')).length - 1;
      attack.check(granted <= 64, `${granted} streams were created`);
    },
  },
  {
    number: 41,
    title: 'names with dots, escapes, NUL, line ends, 60 KB or bidirectional marks are never published',
    expect: {},
    run: async (attack) => {
      const names = [
        '..',
        '.',
        '../../etc/passwd',
        '%2e%2e',
        'a%2fb',
        'a\u0000b',
        'a\r\nb',
        '\u202egnp',
        'a b',
        'a/../b',
      ];
      names.push('n'.repeat(60_000), '', 'a\\b', '?token=x');
      await attack.each(names, async (name) => {
        const publisher = await attack.connected();
        await publisher.createStream();
        await publisher.command('publish', 3, amf.null, amf.string(name), amf.string('live'), { msid: 1 });
        const isStarted = await publisher.answered('NetStream.Publish.Start', 500);
        attack.check(!isStarted, `the name ${JSON.stringify(name.slice(0, 20))} was accepted for publishing`);
        const viewer = await attack.connected();
        await viewer.createStream();
        await viewer.command('play', 3, amf.null, amf.string(name), { msid: 1 });
        await viewer.connection.closedWithin(100);
      });
    },
  },
];

type Disorder = readonly (readonly [name: string, msid: number, ...values: Buffer[]])[];

const connect = ['connect', 0, connectObject('live')] as const;
const createStream = ['createStream', 0, amf.null] as const;
const publish = ['publish', 1, amf.null, amf.string('disorder'), amf.string('live')] as const;
const play = ['play', 1, amf.null, amf.string('disorder')] as const;

const disorders: readonly Disorder[] = [
  [createStream, publish],
  [publish, connect],
  [play, connect, createStream],
  [connect, publish],
  [connect, play],
  [connect, connect, createStream, publish, connect],
  [connect, createStream, publish, play],
  [connect, createStream, play, publish],
  [connect, createStream, publish, publish, createStream],
  [
    connect,
    ['publish', 0, amf.null, amf.string('disorder')],
    ['publish', 9999, amf.null, amf.string('disorder')],
  ],
  [connect, ['deleteStream', 0, amf.null, amf.number(-1)], ['deleteStream', 0], ['closeStream', 0]],
  [
    connect,
    ['pause', 1, amf.null, amf.boolean(true)],
    ['seek', 1, amf.null],
    ['receiveVideo', 1],
    ['pause', 0],
  ],
  [connect, ['_result', 0, amf.null], ['_error', 0], ['onStatus', 1, amf.null, amf.object({})], ['', 0]],
];

async function runDisorder(attack: Attack, disorder: Disorder): Promise<void> {
  const peer: RtmpPeer = await attack.shake();
  for (const [at, [name, msid, ...values]] of disorder.entries()) {
    await peer.command(name, at + 1, ...values, { msid });
  }
  await peer.connection.closedWithin(200);
  peer.connection.reset();
}

function prefixes(payload: Buffer): Buffer[] {
  return Array.from({ length: payload.length }, (_, end) => payload.subarray(0, end));
}
