import type { GeoPoint } from '@headwater/cluster';

/** Who said where a viewer is: the table of networks, the database, or nobody, so that it is where the router is. */
export type PlaceSource = 'network' | 'database' | 'router';

/** Where a viewer is, as far as it is known: a zone, or a point. */
export type ViewerPlace =
  | { readonly source: PlaceSource; readonly zone: string; readonly region: string | undefined }
  | { readonly source: PlaceSource; readonly coordinates: GeoPoint };
