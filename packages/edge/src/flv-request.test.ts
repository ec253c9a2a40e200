import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseFlvTarget } from './flv-request.ts';

it('reads app, name and parameters', () => {
  const request = parseFlvTarget('/live/cam.1.flv?token=a%20b&latency=low');
  expect(request).toMatchObject({ app: 'live', name: 'cam.1' });
  expect(Object.fromEntries(request?.params ?? [])).toEqual({ token: 'a b', latency: 'low' });
});

it.each([
  '/',
  '/live',
  '/live/cam.m3u8',
  '/live/cam.flv/x',
  '/a/b/c.flv',
  '//c.flv',
  '*',
  'live/cam.flv',
  '',
])('leaves %j to others', (target) => {
  expect(parseFlvTarget(target)).toBeUndefined();
});

it('keeps names that nobody may use for the key check to refuse, without decoding them', () => {
  expect(parseFlvTarget('/live/%2e%2e.flv')).toMatchObject({ name: '%2e%2e' });
  expect(parseFlvTarget('/live/...flv')).toMatchObject({ name: '..' });
});

it('never throws', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      parseFlvTarget(text);
      parseFlvTarget(`/live/${text}.flv?${text}`);
    }),
  );
});
