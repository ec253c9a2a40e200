/** What a router says of itself to somebody who opens its address in a browser. */
export function frontPage(apps: readonly string[]): string {
  const app = apps.find((name) => !name.endsWith('*')) ?? 'APP';
  return `Headwater: this is a router. It has no streams itself, but sends each viewer to an edge that is near and has room.

Open here, with the name of a stream for NAME:

  /${app}/NAME.flv          to watch by HTTP-FLV, or by WebSocket-FLV: a redirect to the edge
  /route/${app}/NAME        the URL at the edge as JSON, for players that follow no redirect;
                          ?protocol=flv, ws-flv, hls or rtmp

Applications that are served: ${apps.join(' ')}
`;
}
