// Every key that the configuration may have, with its default and its description. The reference page and the JSON
// Schema are generated from here; `config.ts` turns the result into what the program reads.
import * as z from 'zod';
import { isJobSource, jobSourceExpected, maxJobSourceLength, withShownSources } from './pull-job.ts';
import { discovery, registry } from './config-schema-cluster.ts';
import { node } from './config-schema-node.ts';
import { router } from './config-schema-router.ts';
import {
  addresses,
  choice,
  duration,
  flag,
  noted,
  optionalText,
  port,
  section,
  size,
  text,
  textList,
  whole,
} from './config-values.ts';

const host = /^(\*|[A-Za-z0-9_.:-]{1,253})$/;
const hostText = 'an IP address or host name of this machine, or * for all interfaces';

const listenAddress = (what: string) =>
  optionalText(host, `Address to listen on for ${what}. Left out: the value of \`bind\`.`, hostText);

const publicUrl = (scheme: 'http' | 'rtmp') =>
  optionalText(
    scheme === 'http' ? /^https?:\/\/[A-Za-z0-9_.:[\]-]{1,253}$/ : /^rtmps?:\/\/[A-Za-z0-9_.:[\]-]{1,253}$/,
    'Under which URL routers send viewers here, without a path. Left out: the address of the node and this port.',
    `a URL such as ${scheme}://edge-1.example.org`,
  );

const workers = noted(
  z
    .union([
      z.literal('auto'),
      z.int().min(1).max(256),
      z
        .string()
        .regex(/^[1-9]\d{0,2}$/)
        .transform(Number)
        .pipe(z.int().max(256)),
    ])
    .prefault(1)
    .describe(
      'Processes that do the work of the node, on one port together. `1`: the node is one process. More: with the edge role that ' +
        'many serve viewers, beside the one that pulls and publishes, and need a folder for sockets (`TMPDIR`); `headwater origin` is that ' +
        'many origins, with ids and relay ports in a row. `auto`: one for each core that the system gives the node.',
    ),
  { kind: 'text', expected: 'auto, or a whole number from 1 to 256' },
);

const rtmp = section('RTMP: publish and play.', {
  port: port(1935, 'TCP port for RTMP publishers and viewers.'),
  bind: listenAddress('RTMP'),
  publicUrl: publicUrl('rtmp'),
});

const http = section('HTTP: HTTP-FLV, WebSocket-FLV and the built-in page.', {
  port: port(8080, 'TCP port for HTTP viewers.'),
  bind: listenAddress('HTTP viewers'),
  publicUrl: publicUrl('http'),
  page: flag(true, 'Serve the built-in page with the list of live streams and a player.'),
  corsOrigins: textList(
    /^(\*|https?:\/\/[^\s/]+)$/,
    ['*'],
    'Origins whose pages may play streams from here.',
    'a list of origins such as https://example.org, or *',
  ),
});

const admin = section('Admin: health, metrics and the API. Do not expose it to the public.', {
  port: port(9090, 'TCP port for health checks, metrics and the admin API.'),
  bind: listenAddress('the admin API'),
});

const relay = section('Relay: how edges pull streams from origins (gRPC).', {
  port: port(50_051, 'TCP port on which an origin serves edges.'),
  bind: optionalText(
    host,
    'Address to listen on for the relay. Left out: 127.0.0.1 with the embedded registry, else the value of `bind`.',
    hostText,
  ),
  advertise: optionalText(
    /^[A-Za-z0-9_.-]{1,253}(:\d{1,5})?$|^\[[0-9A-Fa-f:.]+\](:\d{1,5})?$|^[0-9A-Fa-f]*(:[0-9A-Fa-f.]*){2,7}$/,
    'Address under which edges reach this origin, `host` or `host:port`. Left out: chosen from the listening address.',
    'host or host:port',
  ),
  openingTimeout: duration(
    '3s',
    { min: '100ms', max: '1m' },
    'How long a pull may take from the connection to the answer of the origin.',
  ),
  keepalive: duration('3s', { min: '1s', max: '5m' }, 'Pause between keepalive pings on a relay connection.'),
  keepaliveTimeout: duration(
    '2s',
    { min: '500ms', max: '1m' },
    'An upstream that owes the answer to a ping for this long is left, and looked up again.',
  ),
});

export const proxiedPorts = ['rtmp', 'http'] as const;

const proxyProtocol = section(
  'Load balancers in front of this node that say whose connections they pass on, by the PROXY protocol (version 1 or 2).',
  {
    trusted: addresses(
      [],
      'Addresses or networks whose connections must begin with a PROXY header, which is believed: those of the load ' +
        'balancers, and of nobody else. Other nodes must not be among them, since they send none.',
    ),
    ports: noted(
      z
        .array(z.enum(proxiedPorts))
        .min(1)
        .prefault([...proxiedPorts])
        .describe('The ports at which this holds.'),
      { kind: 'list', expected: `a list of ${proxiedPorts.join(' and ')}` },
    ),
  },
);

const gopCache = section('What a stream keeps so that a new viewer starts at once.', {
  maxFrames: whole(2500, { min: 1, max: 1_000_000 }, 'Frames kept for new viewers of a stream.'),
  maxSize: size('16MiB', { min: '64KiB', max: '1GiB' }, 'Memory kept for new viewers of a stream.'),
  maxDuration: duration('15s', { min: '1s', max: '5m' }, 'Time kept for new viewers of a stream.'),
});

const viewer = section('How viewers are served.', {
  waitForStream: duration(
    '10s',
    { min: '0s', max: '5m' },
    'How long a viewer waits for a stream that is not live yet. One that is live is fetched however long that takes.',
  ),
  linger: duration(
    '20s',
    { min: '0s', max: '1h' },
    'How long an edge goes on pulling after the last viewer left.',
  ),
  softBacklog: size(
    '1MiB',
    { min: '64KiB', max: '1GiB' },
    'A viewer this far behind skips to the newest keyframe.',
  ),
  softDelay: duration(
    '2s',
    { min: '100ms', max: '5m' },
    'A viewer this far behind skips to the newest keyframe.',
  ),
  hardBacklog: size('8MiB', { min: '64KiB', max: '1GiB' }, 'A viewer this far behind is disconnected.'),
  hardDelay: duration('10s', { min: '200ms', max: '10m' }, 'A viewer this far behind is disconnected.'),
  latency: choice(
    ['normal', 'low'],
    'normal',
    'Class of viewers that do not choose one by `?latency=`; see `fanOut`.',
  ),
});

const edge = section('How edges get streams.', {
  shield: choice(
    ['auto', 'always', 'off'],
    'auto',
    'Whether the edges of a region pull a stream through one of them, so that its origin sends it once a region and not once ' +
      'an edge. `auto`: where the origin is in another region. `always`: also within its own. Needs two edges in the region, and ' +
      '`registry.kind: redis`.',
  ),
});

const publish = section('Publishers of a stream beside its first one.', {
  secondArrival: choice(
    ['replace', 'backup'],
    'replace',
    'What a second publisher of a live stream with the same key is that does not say `?backup=1`. `replace`: it takes the ' +
      'stream over, as an encoder does that comes back. `backup`: it stands ready until the first one fails.',
  ),
  backupAfter: duration(
    '1s',
    { min: '200ms', max: '1m' },
    'A backup takes over when the publisher that is live has sent nothing for this long.',
  ),
});

const controller = section('What controllers do beside judging nodes.', {
  standby: choice(
    ['all', 'none'],
    'all',
    'Which streams another origin follows, so that edges that lose the owner get there what they missed. It costs one ' +
      'relay pull a stream. Only with `registry.kind: redis`.',
  ),
});

const viewerCount = { min: 0, max: 1_000_000 };
const fanOut = section(
  'When frames are written to viewers: more viewers of a stream, fewer and larger writes.',
  {
    immediateBelowViewers: whole(
      300,
      viewerCount,
      'Below this many viewers of a stream each video frame is written at once.',
    ),
    merge: duration(
      '100ms',
      { min: '0ms', max: '2s' },
      'Frames are collected for up to this long at and above `immediateBelowViewers`; viewers are written in groups that take turns.',
    ),
    manyViewers: whole(1500, viewerCount, 'From this many viewers of a stream on, `manyMerge` applies.'),
    manyMerge: duration(
      '350ms',
      { min: '0ms', max: '2s' },
      'Frames are collected this long at and above `manyViewers`.',
    ),
    lowLatencyMerge: duration(
      '20ms',
      { min: '0ms', max: '2s' },
      'Longest collection for viewers that ask for `latency=low`, whatever their number.',
    ),
  },
);

const limits = section('What peers may use. Every limit protects the others on the same node.', {
  connections: whole(
    50_000,
    { min: 1, max: 10_000_000 },
    'Open viewer and publisher connections of the node.',
  ),
  connectionsPerAddress: whole(256, { min: 1, max: 1_000_000 }, 'Open connections of one remote address.'),
  newConnectionsPerAddress: whole(
    64,
    { min: 1, max: 1_000_000 },
    'New connections of one remote address per second.',
  ),
  exemptAddresses: addresses(
    ['127.0.0.0/8', '::1/128'],
    'Addresses or networks without the two limits per address: proxies that do not say whom they speak for, this machine.',
  ),
  publishers: whole(5000, { min: 0, max: 1_000_000 }, 'Streams published to the node at once.'),
  viewers: whole(50_000, { min: 0, max: 10_000_000 }, 'Viewers of the node at once.'),
  egressMbps: whole(
    0,
    { min: 0, max: 10_000_000 },
    'Mbit/s sent to viewers, from which on newcomers are refused; 0 is no limit.',
  ),
  loopLag: duration(
    '250ms',
    { min: '0ms', max: '10s' },
    'Lateness of the event loop (mean of 3 s), from which on new viewers are refused; 0ms is no limit.',
  ),
  loopBusy: whole(
    80,
    { min: 0, max: 100 },
    'Percent of the last second that the event loop was busy, from which on new viewers are refused, until it is less than 85 % of ' +
      'that (mean of 3 s); 0 is no limit.',
  ),
  streams: whole(
    10_000,
    { min: 1, max: 1_000_000 },
    'Streams pulled for viewers at once, waited for included.',
  ),
  handshake: duration(
    '10s',
    { min: '500ms', max: '5m' },
    'From the connection to the end of RTMP `connect`, or of an HTTP request head.',
  ),
  idle: duration('30s', { min: '1s', max: '1h' }, 'From RTMP `connect` to `publish` or `play`.'),
  publisherSilence: duration(
    '10s',
    { min: '1s', max: '10m' },
    'A publisher that sends nothing for this long is disconnected.',
  ),
  message: size('10MiB', { min: '64KiB', max: '16777215B' }, 'Largest RTMP message, thus largest frame.'),
  unfinishedMessages: size(
    '24MiB',
    { min: '64KiB', max: '1GiB' },
    'Unfinished RTMP messages of one connection together.',
  ),
  chunkStreams: whole(256, { min: 8, max: 65_600 }, 'RTMP chunk streams of one connection.'),
  jobs: whole(1000, { min: 0, max: 10_000 }, 'Jobs of the cluster; more are refused.'),
});

const jobs = noted(
  z
    .array(
      z.strictObject({
        pull: z
          .string()
          .max(maxJobSourceLength)
          .refine(isJobSource)
          .describe(`Where from: ${jobSourceExpected}.`),
        stream: z
          .string()
          .regex(/^(?!\.{1,2}\/)[A-Za-z0-9_.-]{1,128}\/(?!\.{1,2}$)[A-Za-z0-9_.-]{1,128}$/)
          .describe('As which stream to publish it, `app/name`.'),
      }),
    )
    .max(1000)
    .prefault([])
    .describe(
      'Streams that an origin fetches from a source, instead of waiting for a publisher. They become jobs of the cluster, and ' +
        'stay in it until they are removed: by `headwater jobs remove` where it goes on running.',
    ),
  {
    kind: 'list',
    expected: `a list of { pull: URL, stream: app/name } with the URL ${jobSourceExpected}`,
    redact: withShownSources,
  },
);

const secrets = z.array(z.string().min(1).max(512)).max(1000);
const keyEntry = z.strictObject({
  publish: z
    .union([z.literal('open'), secrets])
    .optional()
    .describe('Keys that allow publishing, or `open` for everybody.'),
  play: z
    .union([z.literal('open'), secrets])
    .optional()
    .describe('Keys that allow playing, or `open` for everybody.'),
});

const access = section('Who may publish and play.', {
  kind: choice(
    ['open', 'keys'],
    'open',
    '`open`: everybody. `keys`: only with a key of `access.keys`, given as `?token=KEY`.',
  ),
  keys: noted(
    z
      .record(z.string().regex(/^(\*|[A-Za-z0-9_.-]{1,128}(\/[A-Za-z0-9_.-]{1,128})?)$/), keyEntry)
      .prefault({})
      .describe(
        'Keys by stream (`live/cam1`), by app (`live`) or for all (`*`). For each action the most specific entry that names ' +
          'the action counts; without any, it is refused.',
      ),
    {
      kind: 'map',
      expected: 'a map from app/name, app or * to { publish: [key, …] or open, play: [key, …] or open }',
      isSecret: true,
    },
  ),
});

const log = section('Log lines on standard output.', {
  level: choice(['debug', 'info', 'warn', 'error'], 'info', 'The least important lines that are written.'),
  format: choice(['auto', 'json', 'pretty'], 'auto', '`auto`: pretty on a terminal, JSON lines otherwise.'),
});

/** The whole configuration as people write it: strict, every key described, every default filled in. */
export const configSchema = z.strictObject({
  node,
  bind: text(host, '*', 'Address to listen on, for all ports that do not name their own.', hostText),
  apps: textList(
    /^(\*|[A-Za-z0-9_.-]{1,128}\*?)$/,
    ['live'],
    'Applications that are served: the first part of a stream key. `*` at the end stands for any rest.',
    'a list of application names; * at the end stands for any rest',
  ),
  hold: duration(
    '15s',
    { min: '0s', max: '60s' },
    'How long viewers are kept connected while a stream has no publisher.',
  ),
  workers,
  rtmp,
  http,
  admin,
  relay,
  proxyProtocol,
  registry,
  discovery,
  gopCache,
  publish,
  controller,
  router,
  edge,
  viewer,
  fanOut,
  limits,
  jobs,
  access,
  log,
});

/** Parsed values under the names people use: durations in milliseconds, sizes in bytes. */
export type ConfigSettings = z.output<typeof configSchema>;

/** What a configuration file may contain. */
export type ConfigInput = z.input<typeof configSchema>;

/** The JSON Schema (draft-07) of a configuration file, for editors and for tools that check values. */
export function configJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(configSchema, { target: 'draft-7', io: 'input' });
  return { ...schema, title: 'Headwater configuration' };
}
