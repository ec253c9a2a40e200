// Rendezvous hashing: each key ranks all nodes by a hash of the two, so that a node that goes takes along only the keys for
// which it was first (Thaler and Ravishankar, 1998). Weights by the logarithmic method of Schindelhauer and Schomaker.

/** A text as 32 bits: FNV-1a, finished so that texts that differ in one character share no bits. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return mixed(hash);
}

/** The hash of a key and a node, each given by its own hash: 32 bits, spread evenly. */
export function pairHash(key: number, node: number): number {
  return mixed(key + Math.imul(node, 0x9e3779b1)) >>> 0;
}

/** How high a node of that weight ranks: of nodes with higher scores more keys are first, in proportion to their weights. */
export function weightedScore(hash: number, weight: number): number {
  return -weight / Math.log((hash + 0.5) / 0x1_0000_0000);
}

// The finaliser of MurmurHash3: each bit of the input changes each bit of the output with a probability of one half.
function mixed(value: number): number {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
