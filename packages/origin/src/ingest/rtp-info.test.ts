import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRtpInfo } from './rtp-info.ts';

const controls = ['stream=0', 'stream=1'];

describe('RTP-Info', () => {
  it('is read by the URL of each track, in any order', () => {
    const header =
      'url=rtsp://h/cam/stream=1;seq=7;rtptime=200,url=rtsp://h/cam/stream=0;seq=9;rtptime=4294967295';
    expect(parseRtpInfo(header, controls)).toEqual([4_294_967_295, 200]);
  });

  it('is read by the order where the URLs say nothing', () => {
    expect(parseRtpInfo('url=rtsp://h/cam;rtptime=1, url=rtsp://h/cam;rtptime=2', controls)).toEqual([1, 2]);
  });

  it.each([
    '',
    'url=rtsp://h/stream=0;seq=1',
    'url=;rtptime=99999999999',
    `${'url=a;'.repeat(5_000)}rtptime=1`,
  ])('that does not say it gives no times: %.40s', (header) => {
    expect(parseRtpInfo(header, controls)).toEqual([undefined, undefined]);
  });

  it('of any text is read without an exception', () => {
    fc.assert(fc.property(fc.string(), (text) => parseRtpInfo(text, controls).length === 2));
  });
});
