import type { Contender } from './contender.ts';
import { floor } from './floor.ts';
import {
  alwaysMerging,
  defaultLatencyClass,
  headwater,
  headwaterEdge,
  headwaterOrigin,
  unlimited,
  type HeadwaterVariant,
} from './headwater.ts';
import { mediamtx } from './mediamtx.ts';
import { nginxRtmp } from './nginx-rtmp.ts';
import { nodeMediaServer } from './node-media-server.ts';
import { srs } from './srs.ts';

const all: readonly Contender[] = [
  headwater({ name: 'headwater', settings: unlimited, latencyClass: defaultLatencyClass }),
  headwater(low('headwater-low')),
  headwater(merging('headwater-100', '100 ms')),
  headwater(merging('headwater-350', '350 ms')),
  headwaterEdge(low('headwater-edge-low')),
  headwaterEdge(merging('headwater-edge-100', '100 ms')),
  headwaterEdge(merging('headwater-edge-350', '350 ms')),
  headwaterOrigin,
  nodeMediaServer,
  nginxRtmp,
  srs({ name: 'srs-frame', formats: ['rtmp'], mergeMs: 0, latencyClass: 'each frame' }),
  srs({ name: 'srs-100', formats: ['rtmp', 'flv'], mergeMs: 100, latencyClass: '100 ms' }),
  srs({ name: 'srs', formats: ['rtmp', 'flv'], mergeMs: undefined, latencyClass: '350 ms' }),
  mediamtx,
  floor('floor-frame', 0, 'each frame'),
  floor('floor-100', 100, '100 ms'),
  floor('floor-200', 200, '350 ms'),
  floor('floor-350', 350, '350 ms'),
];

function low(name: string): HeadwaterVariant {
  return { name, query: '?latency=low', settings: unlimited, latencyClass: () => 'each frame' };
}

function merging(name: string, latencyClass: '100 ms' | '350 ms'): HeadwaterVariant {
  const settings = [...unlimited, ...alwaysMerging(latencyClass.replace(' ', ''))];
  return { name, settings, latencyClass: () => latencyClass };
}

/** The contender of that name. Throws when there is none. */
export function contender(name: string): Contender {
  const found = all.find((candidate) => candidate.name === name);
  if (found === undefined) {
    throw new Error(`--servers: "${name}" is none of ${all.map((candidate) => candidate.name).join(', ')}`);
  }
  return found;
}
