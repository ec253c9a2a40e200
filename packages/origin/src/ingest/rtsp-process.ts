// The thread of one RTSP source: the engine, what makes FLV messages of its packets, and the way to the owner.
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import type { FrameKind } from '@headwater/media';
import { openEngineSession, type EngineSession } from './node-media-server-rtsp.ts';
import type { PullFailure } from './pull-source.ts';
import { RtspMedia } from './rtsp-media.ts';
import {
  maxUntakenBytes,
  type RtspWorkerData,
  type RtspWorkerMessage,
  type RtspWorkerOrder,
} from './rtsp-worker-messages.ts';

if (parentPort !== null) run(parentPort, workerData as RtspWorkerData);

function run(port: MessagePort, { url }: RtspWorkerData): void {
  let media: RtspMedia | undefined;
  let untakenBytes = 0;
  let hasFailed = false;
  const say = (message: RtspWorkerMessage, transfer: ArrayBuffer[] = []): void => {
    port.postMessage(message, transfer);
  };
  const fail = ({ outcome, why }: PullFailure): void => {
    if (hasFailed) return;
    hasFailed = true;
    say({ type: 'failed', outcome, why });
    session.close();
  };
  const emit = (kind: FrameKind, timestampMs: number, bytes: Uint8Array<ArrayBuffer>): void => {
    untakenBytes += bytes.byteLength;
    if (untakenBytes > maxUntakenBytes) session.pause();
    const payload = bytes.buffer;
    say({ type: 'media', kind, timestampMs, payload }, [payload]);
  };
  const session: EngineSession = openEngineSession(url, {
    started: (tracks) => {
      media = new RtspMedia(tracks, { emit, dropped: (frames) => say({ type: 'dropped', frames }) });
      say({ type: 'started' });
    },
    packet: (track, packet) => media?.packet(track, packet, performance.now()),
    senderReport: (track, report) => media?.senderReport(track, report),
    failed: fail,
  });
  port.on('message', (order: RtspWorkerOrder) => {
    if (order.type === 'close') {
      session.close();
      port.close();
      return;
    }
    untakenBytes -= order.bytes;
    if (untakenBytes <= maxUntakenBytes / 2) session.resume();
  });
}
