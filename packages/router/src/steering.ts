// HLS content steering (RFC 8216bis, section 7): a player asks now and then which pathway it should use. Here a pathway is an
// edge, named by its node id; each is a clone of the one that the playlist itself came from.

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

/** The manifest for pathways in the order in which they are to be tried. */
export function steeringManifest(options: {
  readonly pathways: readonly Pathway[];
  readonly ttlMs: number;
  readonly reloadUri: string;
}): SteeringManifest {
  const { pathways, ttlMs, reloadUri } = options;
  return {
    VERSION: 1,
    TTL: Math.max(1, Math.round(ttlMs / 1_000)),
    'RELOAD-URI': reloadUri,
    'PATHWAY-PRIORITY': pathways.map(({ id }) => id),
    'PATHWAY-CLONES': pathways.map(({ id, base }) => ({
      'BASE-ID': ownPathway,
      ID: id,
      'URI-REPLACEMENT': { HOST: base.replace(/^https?:\/\//, '') },
    })),
  };
}
