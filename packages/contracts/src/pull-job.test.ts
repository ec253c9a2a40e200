import { describe, expect, it } from 'vitest';
import { AppError } from './errors.ts';
import { isJobSource, jobIdPattern, pullJob, shownSource } from './pull-job.ts';
import { parseStreamKey } from './stream-key.ts';

const stream = parseStreamKey('live/cam1');

describe('pullJob', () => {
  it('names the job after its stream', () => {
    const job = pullJob('rtsp://camera.example/main', stream);
    expect(job).toEqual({ id: 'live:cam1', kind: 'pull', source: 'rtsp://camera.example/main', stream });
    expect(job.id).toMatch(jobIdPattern);
  });

  it('says what is wrong with a source, without its password', () => {
    const make = (): unknown => pullJob('http://admin:hush@camera.example/main', stream);
    expect(make).toThrow(AppError);
    expect(make).toThrow('source=http://admin:***@camera.example/main, expected=rtsp://HOST');
    expect(() => pullJob('rtsp://admin:hu/sh@camera.example/', stream)).toThrow(
      'source=rtsp://admin:***@camera',
    );
  });
});

describe('isJobSource', () => {
  it.each([
    'rtsp://camera.example',
    'rtsp://camera.example:8554/main?channel=1',
    'rtsp://admin:p%40ss:word@[2001:db8::1]:554/main',
    'rtmp://127.0.0.1:1935/live/cam1',
    'rtmp://host/app/instance/name?token=x',
  ])('accepts %s', (source) => {
    expect(isJobSource(source)).toBe(true);
  });

  it.each([
    '',
    'camera.example/main',
    'rtsps://camera.example/main',
    'rtmps://host/live/cam1',
    'file:///etc/passwd',
    'rtsp:///main',
    'rtsp://camera.example:0/main',
    'rtsp://camera.example:65536/main',
    'rtsp://camera example/main',
    'rtsp://camera.example/ma\r\nin',
    'rtmp://host',
    'rtmp://host/live',
    'rtmp://host/live/',
    `rtsp://camera.example/${'x'.repeat(2048)}`,
  ])('refuses %j', (source) => {
    expect(isJobSource(source)).toBe(false);
  });
});

describe('shownSource', () => {
  it.each([
    ['rtsp://admin:hush@h/main', 'rtsp://admin:***@h/main'],
    ['rtsp://admin:hu@sh:x@h/main', 'rtsp://admin:***@h/main'],
    ['rtsp://admin@h/main', 'rtsp://admin@h/main'],
    ['rtmp://h/live/a?token=hush&b=1', 'rtmp://h/live/a?token=***&b=1'],
    ['rtmp://h/live/a?b=1&KEY=hush', 'rtmp://h/live/a?b=1&KEY=***'],
    ['rtmp://h/live/a@b', 'rtmp://h/live/a@b'],
    ['failed: rtsp://a:b@h/x, then rtsp://c:d@h/y', 'failed: rtsp://a:***@h/x, then rtsp://c:***@h/y'],
  ])('of %s is %s', (source, shown) => {
    expect(shownSource(source)).toBe(shown);
  });
});
