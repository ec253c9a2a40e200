// What the viewer port's FLV paths have in common over HTTP and WebSocket: `/APP/NAME.flv?query`.

/** A request for a stream as FLV; the names are not checked yet. */
export interface FlvRequest {
  readonly app: string;
  readonly name: string;
  readonly params: ReadonlyMap<string, string>;
}

const flvPath = /^\/([^/?]+)\/([^/?]+)\.flv(?:\?(.*))?$/s;

/** Reads the target of a request; undefined when it is not an FLV path. Never throws. */
export function parseFlvTarget(target: string): FlvRequest | undefined {
  const match = flvPath.exec(target);
  if (match === null) return undefined;
  const [, app = '', name = '', query = ''] = match;
  return { app, name, params: new Map(new URLSearchParams(query)) };
}
