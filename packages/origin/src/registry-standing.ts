/** How this node stands with the registry. */
export interface RegistryStanding {
  /** True while the registry may hold the node for dead. */
  readonly isDoubtful: boolean;
  /** When the node last joined, by its clock: before that the registry did not know it, and maybe nobody. */
  readonly joinedAtMs: number;
  /** When a registry that had known the node took it in again: what is free there may be forgotten only. */
  readonly rejoinedAtMs: number;
  /** How long a node lives without a beat: after that time everybody who lives has restored what is its own. */
  readonly leaseMs: number;
}

/** Of a node that has a registry for itself. */
export const goodStanding: RegistryStanding = {
  isDoubtful: false,
  joinedAtMs: Number.NEGATIVE_INFINITY,
  rejoinedAtMs: Number.NEGATIVE_INFINITY,
  leaseMs: 0,
};
