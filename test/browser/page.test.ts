// The built-in page in a real browser: finds a stream, plays it, and stays with it while its publisher is away.
import type { StreamView } from '@headwater/contracts';
import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Child } from '../support/child.ts';
import { openPage, startChromium, type WatchedPage } from '../support/chromium.ts';
import { startFfmpeg } from '../support/ffmpeg.ts';
import { type RunningHeadwater, startHeadwater } from '../support/headwater.ts';
import { encoders, testPicture, testTone } from '../support/media-fixtures.ts';
import { waitUntil } from '../support/wait-until.ts';

/** How the player of the page stands. */
interface Playback {
  readonly phase: string;
  readonly seconds: number;
  readonly pictures: number;
  readonly width: number;
  readonly audioBytes: number;
}

// Read by name: the types of a browser are not those of this program.
async function playbackOf(page: Page): Promise<Playback> {
  return page.evaluate<Playback>(`(() => {
    const video = document.querySelector('video');
    return {
      phase: video.dataset.phase,
      seconds: video.currentTime,
      pictures: video.getVideoPlaybackQuality().totalVideoFrames,
      width: video.videoWidth,
      audioBytes: video.webkitAudioDecodedByteCount,
    };
  })()`);
}

/** Resolves when the picture has gone on for some seconds from where it is. */
async function playsOn(page: Page, seconds: number): Promise<Playback> {
  const start = await playbackOf(page);
  return waitUntil(
    `the picture goes on for ${seconds} s`,
    async () => {
      const now = await playbackOf(page);
      const hasMoved = now.seconds >= start.seconds + seconds && now.pictures > start.pictures + 10 * seconds;
      return hasMoved && now;
    },
    { timeoutMs: 30_000, intervalMs: 100 },
  );
}

describe('the built-in page', () => {
  let node: RunningHeadwater;
  let watched: WatchedPage;

  beforeAll(async () => {
    node = await startHeadwater({ set: { hold: '30s' } });
    watched = await openPage(await startChromium(), node.httpUrl('/'));
  });

  function publish(): Child {
    const codecs = [...encoders.h264Baseline, '-tune', 'zerolatency', ...encoders.aac];
    const url = node.rtmpUrl('live/cam1');
    return startFfmpeg(['-re', ...testPicture, ...testTone, ...codecs, '-f', 'flv', url]);
  }

  it('finds a stream, plays it, keeps it while its publisher is away, says when it is over, and plays it again', async () => {
    const { page, problems } = watched;
    await page.getByText('Nothing is live').waitFor();
    const publisher = publish();
    const link = page.getByRole('link', { name: 'live/cam1' });
    await link.waitFor();
    await page.getByText('avc1 + mp4a').waitFor();
    await link.click();
    await page.locator('video[data-phase=playing]').waitFor();
    const playing = await playsOn(page, 3);
    expect(playing).toMatchObject({ phase: 'playing', width: 320 });
    expect(playing.audioBytes).toBeGreaterThan(0);

    publisher.kill('SIGKILL');
    await waitUntil('the node has noticed', async () => {
      const { state } = await node.adminJson<StreamView>('/api/v1/streams/live/cam1');
      return state === 'interrupted';
    });
    const returned = publish();
    expect((await playsOn(page, 4)).phase).toBe('playing');

    await returned.stop({ signal: 'SIGINT' });
    await page.getByText('the stream is over').waitFor();
    await page.getByText('Nothing is live').waitFor();

    publish();
    await link.click();
    await page.locator('video[data-phase=playing]').waitFor();
    await playsOn(page, 1);
    expect(problems).toEqual([]);
  });
});
