// The keys of the configuration that say where viewers are, and to which edges they are sent.
import * as z from 'zod';
import { addresses, duration, noted, optionalText, section, whole } from './config-values.ts';

const word = /^[A-Za-z0-9_.-]{1,128}$/;
const address = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()]);

const networks = noted(
  z
    .array(
      z.strictObject({
        network: address.describe('Addresses of viewers, e.g. `10.1.0.0/16`.'),
        zone: z.string().regex(word).describe('The zone that they are in.'),
        region: z
          .string()
          .regex(word)
          .optional()
          .describe('The region of that zone. Left out: that of the only zone with this name.'),
      }),
    )
    .max(10_000)
    .prefault([])
    .describe(
      'Which viewers are in which zone; of several networks that an address is in, the smallest counts.',
    ),
  { kind: 'list', expected: 'a list of { network: 10.1.0.0/16, zone: NAME, region: NAME }, region optional' },
);

const trustedProxies = addresses(
  [],
  'Networks of HTTP proxies in front of the router whose `X-Forwarded-For` is believed. The header of others is ignored.',
);

/** What a router needs to know. */
export const router = section('Router: which edge a viewer is sent to.', {
  networks,
  geoDatabase: optionalText(
    /^\/.{1,4096}$/,
    'Database in MaxMind’s format (.mmdb) that says where addresses are: with `location` as in GeoIP2 City, or with `zone` and ' +
      '`region`. Asked where `networks` says nothing; read again when the file changes.',
    'an absolute path',
  ),
  trustedProxies,
  balance: whole(
    25,
    { min: 1, max: 1000 },
    'How far an edge may be above the mean of its zone, in percent. Less: edges are filled more evenly. More: fewer edges pull ' +
      'a stream.',
  ),
  spreadFrom: whole(
    1,
    { min: 0, max: 100 },
    'Up to this many percent of what it may have an edge is filled whatever the others have: few viewers of a stream stay together.',
  ),
  fullAt: whole(
    90,
    { min: 1, max: 100 },
    'From this many percent of what it may have (`limits.viewers`, `limits.egressMbps`) an edge counts as full.',
  ),
  steeringTtl: duration(
    '60s',
    { min: '1s', max: '1h' },
    'After how long players that follow HLS content steering ask again.',
  ),
});
