// Where a viewer is sent: the address of an edge, for the protocol that the viewer speaks.
import type { NodeRecord } from '@headwater/cluster';
import { splitStreamKey, type StreamKey } from '@headwater/contracts';

/** How a viewer wants to watch. */
export type ViewerProtocol = 'flv' | 'ws-flv' | 'hls' | 'rtmp';

/** All of them. */
export const viewerProtocols: readonly ViewerProtocol[] = ['flv', 'ws-flv', 'hls', 'rtmp'];

/** The base URLs of an edge, without a slash at the end; absent where the edge does not serve that. */
export interface EdgeBases {
  readonly http: string | undefined;
  readonly rtmp: string | undefined;
}

/** The base URLs under which viewers reach an edge. */
export function edgeBases({ addresses, publicUrls = {} }: NodeRecord): EdgeBases {
  return {
    http: publicUrls.http ?? (addresses.http === undefined ? undefined : `http://${addresses.http}`),
    rtmp: publicUrls.rtmp ?? (addresses.rtmp === undefined ? undefined : `rtmp://${addresses.rtmp}`),
  };
}

/** The base URL that a protocol uses; undefined where the edge does not serve it. */
export function baseOf(bases: EdgeBases, protocol: ViewerProtocol): string | undefined {
  return protocol === 'rtmp' ? bases.rtmp : bases.http;
}

/** The whole URL of a stream; `query` without its question mark, empty for none. */
export function streamUrl(
  base: string,
  ask: { readonly stream: StreamKey; readonly protocol: ViewerProtocol },
  query: string,
): string {
  const { app, name } = splitStreamKey(ask.stream);
  return `${baseWithScheme(base, ask.protocol)}/${app}/${name}${endings[ask.protocol]}${query === '' ? '' : `?${query}`}`;
}

const endings: Readonly<Record<ViewerProtocol, string>> = {
  flv: '.flv',
  'ws-flv': '.flv',
  hls: '/index.m3u8',
  rtmp: '',
};

// http becomes ws, and https wss.
function baseWithScheme(base: string, protocol: ViewerProtocol): string {
  return protocol === 'ws-flv' ? base.replace(/^http/, 'ws') : base;
}
