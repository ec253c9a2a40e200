/** The keys of a registry, in the order in which every script takes them; docs/redis-keys.md says what they hold. */
const names = [
  'clock',
  'leases',
  'runs',
  'nodes',
  'beats',
  'streams',
  'owners',
  'ended',
  'events',
  'leader',
  'jobs',
  'removed-jobs',
] as const;

/** What a key is called after the hash tag. */
export type RegistryKeyName = (typeof names)[number];

/** How many keys every script takes. */
export const registryKeyCount: number = names.length;

/** The type that each key has. */
export const registryKeyTypes: Readonly<Record<RegistryKeyName, 'hash' | 'zset' | 'stream'>> = {
  clock: 'hash',
  leases: 'zset',
  runs: 'hash',
  nodes: 'hash',
  beats: 'hash',
  streams: 'hash',
  owners: 'zset',
  ended: 'zset',
  events: 'stream',
  leader: 'hash',
  jobs: 'hash',
  'removed-jobs': 'zset',
};

/** The keys under one prefix. The prefix is their hash tag, so that one node of a Redis Cluster has them all. */
export class RegistryKeys {
  readonly tag: string;
  readonly all: readonly string[];

  constructor(prefix: string) {
    this.tag = prefix;
    this.all = names.map((name) => this.key(name));
  }

  key(name: RegistryKeyName): string {
    return `{${this.tag}}:${name}`;
  }

  /** The name of one of the keys; undefined for any other key. */
  nameOf(key: string): RegistryKeyName | undefined {
    return names.find((name) => this.key(name) === key);
  }

  /** Where a key goes that holds something else. */
  asideOf(name: RegistryKeyName): string {
    return `{${this.tag}}:set-aside:${name}`;
  }
}
