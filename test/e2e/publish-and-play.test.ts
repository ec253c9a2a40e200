import { expect, it } from 'vitest';
import { probe, startFfmpeg } from '../support/ffmpeg.ts';
import { startHeadwater } from '../support/headwater.ts';
import { waitUntil } from '../support/wait-until.ts';

const picture = ['-f', 'lavfi', '-i', 'testsrc=size=320x180:rate=25'];
const sound = ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=44100'];
const encoding = [
  '-c:v',
  'libx264',
  '-preset',
  'ultrafast',
  '-g',
  '25',
  '-pix_fmt',
  'yuv420p',
  '-c:a',
  'aac',
];

it('what ffmpeg publishes is played by RTMP and HTTP-FLV while it is live, and ends when it ends', async () => {
  const node = await startHeadwater();
  const publish = [
    '-re',
    ...picture,
    ...sound,
    '-t',
    '6',
    ...encoding,
    '-f',
    'flv',
    node.rtmpUrl('live/cam1'),
  ];
  const publisher = startFfmpeg(publish);
  const viewers = [node.rtmpUrl('live/cam1'), node.flvUrl('live/cam1')];
  const results = await Promise.all(viewers.map(async (url) => probe(url)));
  await waitUntil('the publisher has ended', () => publisher.exit);
  expect(publisher.exit, publisher.tail()).toEqual({ code: 0, signal: null });
  for (const { streams, packets } of results) {
    const media = streams.filter(({ codec_type }) => codec_type === 'video' || codec_type === 'audio');
    expect(media.map(({ codec_name }) => codec_name).sort()).toEqual(['aac', 'h264']);
    expect(packets.filter(({ codec_type }) => codec_type === 'video').length).toBeGreaterThan(75);
  }
  await node.stop();
});
