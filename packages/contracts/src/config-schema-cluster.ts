// The keys of the configuration that say how nodes form a cluster.
import * as z from 'zod';
import { choice, duration, flag, noted, optionalText, section, text, textList } from './config-values.ts';

const word = /^[A-Za-z0-9_.-]{1,128}$/;
const wordText = '1 to 128 of A-Z a-z 0-9 _ . -';
const hostPortPattern = /^([A-Za-z0-9_.-]{1,253}|\[[0-9A-Fa-f:.]+\]):\d{1,5}$/;
const hostPortsText = 'a list of host:port';

const redis = section(
  'Redis or Valkey, where `registry.kind` is `redis`: one of `url`, `sentinels` and `nodes`.',
  {
    url: noted(
      z
        .string()
        .regex(/^rediss?:\/\/\S+$/)
        .optional()
        .describe('A single server.'),
      {
        kind: 'text',
        expected: 'a URL such as redis://host:6379/0, or rediss://… for TLS',
        isSecret: true,
      },
    ),
    sentinels: textList(hostPortPattern, [], 'Sentinels that name the master.', hostPortsText),
    master: text(word, 'mymaster', 'Name under which the Sentinels watch the master.', wordText),
    nodes: textList(hostPortPattern, [], 'Some nodes of a Redis Cluster.', hostPortsText),
    username: optionalText(/^\S{1,256}$/, 'User name, where `url` does not say it.', '1 to 256 characters'),
    password: noted(
      z.string().min(1).max(1024).optional().describe('Password, where `url` does not say it.'),
      {
        kind: 'text',
        expected: '1 to 1024 characters',
        isSecret: true,
      },
    ),
    tls: flag(false, 'Encrypt the connections to Sentinels and Cluster nodes.'),
    keyPrefix: text(
      word,
      'headwater',
      'What all keys begin with; clusters that share a server need different ones.',
      wordText,
    ),
  },
);

/** Where it is kept who owns which stream. */
export const registry = section('Registry: which node owns which stream.', {
  kind: choice(
    ['embedded', 'redis'],
    'embedded',
    'Where ownership is kept. `embedded`: in this process, for `headwater all`. `redis`: for a cluster.',
  ),
  heartbeat: duration('900ms', { min: '100ms', max: '1m' }, 'Pause between heartbeats of a node.'),
  lease: duration(
    '4s',
    { min: '500ms', max: '5m' },
    'A node without a heartbeat for this long is taken for dead.',
  ),
  redis,
});

const absolutePath = /^\/.{1,4096}$/;
const pathText = 'an absolute path';

const consul = section(
  'Consul, where `discovery.kind` is `consul`; normally its agent on the same machine.',
  {
    url: noted(
      z
        .string()
        .regex(/^https?:\/\/[^\s@?#]{1,1024}$/)
        .optional()
        .describe('Where its HTTP API is. Left out: `http://127.0.0.1:8500`.'),
      {
        kind: 'text',
        expected: 'a URL such as http://127.0.0.1:8500, without a user or a password',
        // Only so that a password that must not be there is not shown in the refusal.
        isSecret: true,
      },
    ),
    token: noted(
      z
        .string()
        .regex(/^[\x21-\x7e]{1,1024}$/)
        .optional()
        .describe('ACL token. Left out: requests carry none.'),
      { kind: 'text', expected: '1 to 1024 characters without blanks', isSecret: true },
    ),
    service: text(
      /^[A-Za-z0-9-]{1,63}$/,
      'headwater',
      'Name of the service that nodes are registered as; clusters that share a Consul need different ones.',
      '1 to 63 of A-Z a-z 0-9 -',
    ),
    datacenters: textList(
      /^[A-Za-z0-9_-]{1,64}$/,
      [],
      'Datacenters to look for nodes in. Left out: all that Consul knows.',
      'a list of names',
    ),
    tls: section('TLS, where `discovery.consul.url` begins with https.', {
      caFile: optionalText(
        absolutePath,
        'Certificates (PEM) that sign that of Consul. Left out: those of the system.',
        pathText,
      ),
      certFile: optionalText(
        absolutePath,
        'Certificate (PEM) of this client, where Consul wants one.',
        pathText,
      ),
      keyFile: optionalText(absolutePath, 'Key (PEM) to `certFile`.', pathText),
      serverName: optionalText(
        /^[A-Za-z0-9_.-]{1,253}$/,
        'Name in the certificate of Consul, where it is another one than in the URL.',
        'a host name',
      ),
    }),
  },
);

/** Where nodes find each other. */
export const discovery = section('Discovery: which nodes there are, and how near they are.', {
  kind: choice(
    ['registry', 'consul'],
    'registry',
    'Where nodes find each other. `registry`: by their heartbeats. `consul`: by a service in Consul, which also knows ' +
      'how far they are from each other. Who owns which stream stays in the registry.',
  ),
  consul,
});
