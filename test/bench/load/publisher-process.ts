// The publisher: `publisher-process.ts TARGET-JSON`. Sends the synthetic stream in real time until its IPC channel closes.
import net from 'node:net';
import { nowUs } from '../measure/monotonic-clock.ts';
import type { PublisherAnswer, PublishTarget } from './load-messages.ts';
import { encodeMedia, RtmpDialogue } from './rtmp-dialogue.ts';
import { openingMessages, SyntheticStream } from './synthetic-stream.ts';

const target = JSON.parse(process.argv[2] ?? '') as PublishTarget;
const socket = net.connect({ host: target.host, port: target.port, noDelay: true });

function answer(message: PublisherAnswer): void {
  process.send?.(message);
}

function fail(reason: string): void {
  const failed: PublisherAnswer = { done: 'failed', reason };
  if (process.send === undefined) process.exit(1);
  process.send(failed, () => process.exit(1));
}

function publish(messageStreamId: number): void {
  const stream = new SyntheticStream(target.rate);
  const startedUs = nowUs();
  for (const message of openingMessages()) socket.write(encodeMedia(messageStreamId, message));
  answer({ done: 'published' });
  const sendDue = (): void => {
    for (let now = nowUs(); stream.dueMs * 1000 <= now - startedUs; now = nowUs()) {
      socket.write(encodeMedia(messageStreamId, stream.next(now)));
    }
    setTimeout(sendDue, Math.max(1, stream.dueMs - (nowUs() - startedUs) / 1000));
  };
  sendDue();
}

const dialogue = new RtmpDialogue(
  { ...target, action: 'publish' },
  { write: (bytes) => void socket.write(bytes), started: publish, refused: fail },
  { messageBegan: () => undefined, messageEnded: () => undefined },
);
socket.on('connect', () => {
  dialogue.open();
});
socket.on('data', (bytes) => {
  dialogue.read(bytes, bytes.length);
});
socket.on('error', (error) => {
  fail(error.message);
});
socket.on('close', () => {
  fail('closed by the server');
});
process.on('disconnect', () => process.exit(0));
