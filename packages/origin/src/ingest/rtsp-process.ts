// The process of one RTSP source: the engine, what makes FLV messages of its packets, and the way to the owner. It ends
// with its owner: when the channel between them is gone, so is it.
import type { FrameKind } from '@headwater/media';
import { openEngineSession, type EngineSession } from './node-media-server-rtsp.ts';
import type { PullFailure } from './pull-source.ts';
import { RtspMedia } from './rtsp-media.ts';
import { maxUntakenBytes, type RtspProcessMessage, type RtspProcessOrder } from './rtsp-process-messages.ts';

let session: EngineSession | undefined;
let untakenBytes = 0;

process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
process.on('message', (order: RtspProcessOrder) => {
  switch (order.type) {
    case 'open':
      session ??= open(order.url);
      break;
    case 'taken':
      untakenBytes -= order.bytes;
      if (untakenBytes <= maxUntakenBytes / 2) session?.resume();
      break;
    case 'close':
      session?.close();
      break;
  }
});

function open(url: string): EngineSession {
  let media: RtspMedia | undefined;
  const emit = (kind: FrameKind, timestampMs: number, payload: Uint8Array): void => {
    untakenBytes += payload.byteLength;
    if (untakenBytes > maxUntakenBytes) session?.pause();
    say({ type: 'media', kind, timestampMs, payload });
  };
  return openEngineSession(url, {
    started: (tracks) => {
      media = new RtspMedia(tracks, { emit, dropped: (frames) => say({ type: 'dropped', frames }) });
      say({ type: 'started' });
    },
    packet: (track, packet) => media?.packet(track, packet, performance.now()),
    senderReport: (track, report) => media?.senderReport(track, report),
    failed: ({ outcome, why }: PullFailure) => say({ type: 'failed', outcome, why }),
  });
}

function say(message: RtspProcessMessage): void {
  process.send?.(message);
}
