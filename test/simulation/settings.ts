import type { NodeLoad } from '@headwater/cluster';

/** Times of the simulated cluster, in ms. The proportions are those of a real one; what costs events is coarser. */
export const leaseMs = 4_000;
export const heartbeatMs = 1_000;
/** How long viewers and streams are held for a publisher that is away. */
export const holdMs = 6_000;
export const lingerMs = 2_000;
export const waitForStreamMs = 4_000;
/** How long the stream of a dead owner waits for its publisher; longer than viewers are held. */
export const orphanHoldMs = 7_000;
/** Between two frames of a publisher; each second one is a keyframe. */
export const frameMs = 500;
/** When a connection whose other end does not answer is given up. */
export const keepaliveMs = 4_000;
/** What every node says of its load. */
export const idleLoad: NodeLoad = { cpu: 0, publishers: 0, viewers: 0, egressBitsPerSecond: 0 };
