/** What a node does. One process may have any of them. */
export type NodeRole = 'origin' | 'edge' | 'controller' | 'router';

/** A node's name together with one run of its process: a quick restart is another incarnation and inherits nothing. */
export interface NodeRef {
  readonly nodeId: string;
  /** A UUID made at start. */
  readonly incarnation: string;
}

/** A point on Earth, in degrees: north and east are positive. */
export interface GeoPoint {
  readonly latitude: number;
  readonly longitude: number;
}

/** What a node may serve at once. */
export interface NodeCapacity {
  readonly viewers: number;
  /** 0 is no limit. */
  readonly egressBitsPerSecond: number;
}

/** How loaded a node is, as its last heartbeat said. */
export interface NodeLoad {
  /** Share of one core, 0 and up. */
  readonly cpu: number;
  readonly publishers: number;
  readonly viewers: number;
  readonly egressBitsPerSecond: number;
  /** The limit for which the node turns newcomers away; absent while it takes them. */
  readonly overload?: string;
}

/** A node as the registry knows it. Addresses are `host:port`, absent where the node does not serve them. */
export interface NodeRecord extends NodeRef {
  readonly roles: readonly NodeRole[];
  readonly zone: string;
  readonly region: string;
  /** Where the node stands; absent where nobody said. */
  readonly coordinates?: GeoPoint;
  readonly addresses: {
    readonly rtmp?: string;
    readonly http?: string;
    readonly admin?: string;
    readonly relay?: string;
  };
  /** Base URLs under which viewers reach the node, where these are others than its addresses. */
  readonly publicUrls?: { readonly http?: string; readonly rtmp?: string };
  /** Of edges. */
  readonly capacity?: NodeCapacity;
  readonly isDraining: boolean;
  readonly load: NodeLoad;
}
