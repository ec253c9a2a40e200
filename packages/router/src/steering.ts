// HLS content steering (RFC 8216bis, section 7): a player asks now and then which pathway it should use. Here a pathway is an
// edge, named by its node id. The playlist itself came from one of them, and best says so (`PATHWAY-ID`): a player that is where
// it should be then has nothing to do, in the middle of its first segment. The others are clones of the one it is at.

/** A steering manifest, as it is served. */
export interface SteeringManifest {
  readonly VERSION: 1;
  /** Seconds. */
  readonly TTL: number;
  readonly 'RELOAD-URI': string;
  readonly 'PATHWAY-PRIORITY': readonly string[];
  readonly 'PATHWAY-CLONES': readonly {
    readonly 'BASE-ID': string;
    readonly ID: string;
    readonly 'URI-REPLACEMENT': { readonly HOST: string };
  }[];
}

/** An edge as a pathway. */
export interface Pathway {
  readonly id: string;
  /** Base URL. */
  readonly base: string;
}

/** What a playlist's own pathway is called where it names none. */
const ownPathway = '.';

// What an id may be made of (RFC 8216bis, section 7.1).
const pathwayId = /^[A-Za-z0-9._-]{1,256}$/;

/** The manifest for pathways in the order in which they are to be tried. `current` is where the player says that it is. */
export function steeringManifest(options: {
  readonly pathways: readonly Pathway[];
  readonly current: string;
  readonly ttlMs: number;
  readonly reloadUri: string;
}): SteeringManifest {
  const { pathways, ttlMs, reloadUri } = options;
  const current = pathwayId.test(options.current) ? options.current : ownPathway;
  const clones = pathways.filter(({ id }) => id !== current);
  return {
    VERSION: 1,
    TTL: Math.max(1, Math.round(ttlMs / 1_000)),
    'RELOAD-URI': reloadUri,
    'PATHWAY-PRIORITY': pathways.map(({ id }) => id),
    'PATHWAY-CLONES': clones.map(({ id, base }) => ({
      'BASE-ID': current,
      ID: id,
      'URI-REPLACEMENT': { HOST: base.replace(/^https?:\/\//, '') },
    })),
  };
}
