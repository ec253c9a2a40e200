import type { Contender } from './contender.ts';
import { floor } from './floor.ts';
import { headwater } from './headwater.ts';
import { mediamtx } from './mediamtx.ts';
import { nginxRtmp } from './nginx-rtmp.ts';
import { nodeMediaServer } from './node-media-server.ts';
import { srs } from './srs.ts';

const all: readonly Contender[] = [
  headwater('headwater', ''),
  headwater('headwater-low', '?latency=low'),
  nodeMediaServer,
  nginxRtmp,
  srs,
  mediamtx,
  floor('floor-frame', 0),
  floor('floor-100', 100),
  floor('floor-200', 200),
  floor('floor-350', 350),
];

/** The contender of that name. Throws when there is none. */
export function contender(name: string): Contender {
  const found = all.find((candidate) => candidate.name === name);
  if (found === undefined) {
    throw new Error(`--servers: "${name}" is none of ${all.map((candidate) => candidate.name).join(', ')}`);
  }
  return found;
}
