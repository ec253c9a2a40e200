// What is shown of viewers, by the process that serves them.
import type { SessionView } from '@headwater/contracts';
import type { Edge, Viewer } from '@headwater/edge';
import type { AudienceShare } from '../workers/worker-messages.ts';

/** One viewer as the API shows it. */
export function viewerView(viewer: Viewer): SessionView {
  const { sessionId: id, protocol, remoteAddress } = viewer.context;
  return {
    id,
    role: 'viewer',
    protocol,
    stream: viewer.stream,
    remoteAddress,
    since: new Date(viewer.openedAtMs).toISOString(),
    bytes: viewer.bytesWritten,
    droppedFrames: viewer.droppedFrames,
    lagMs: Math.round(viewer.lagMs),
  };
}

/** An edge's viewers, counted by stream and protocol. */
export function audienceOf(edge: Pick<Edge, 'viewers'>): AudienceShare[] {
  const shares = new Map<string, { -readonly [Key in keyof AudienceShare]: AudienceShare[Key] }>();
  for (const { stream, context, bytesWritten } of edge.viewers.values()) {
    const { protocol } = context;
    const id = `${stream} ${protocol}`;
    const share = shares.get(id) ?? { stream, protocol, viewers: 0, bytesOut: 0 };
    share.viewers++;
    share.bytesOut += bytesWritten;
    shares.set(id, share);
  }
  return [...shares.values()];
}
