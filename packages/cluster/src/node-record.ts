/** What a node does. One process may have any of them. */
export type NodeRole = 'origin' | 'edge' | 'controller' | 'router';

/** A node's name together with one run of its process: a quick restart is another incarnation and inherits nothing. */
export interface NodeRef {
  readonly nodeId: string;
  /** A UUID made at start. */
  readonly incarnation: string;
}

/** How loaded a node is, as its last heartbeat said. */
export interface NodeLoad {
  /** Share of one core, 0 and up. */
  readonly cpu: number;
  readonly publishers: number;
  readonly viewers: number;
  readonly egressBitsPerSecond: number;
}

/** A node as the registry knows it. Addresses are `host:port`, absent where the node does not serve them. */
export interface NodeRecord extends NodeRef {
  readonly roles: readonly NodeRole[];
  readonly zone: string;
  readonly region: string;
  readonly addresses: {
    readonly rtmp?: string;
    readonly http?: string;
    readonly admin?: string;
    readonly relay?: string;
  };
  readonly isDraining: boolean;
  readonly load: NodeLoad;
}
