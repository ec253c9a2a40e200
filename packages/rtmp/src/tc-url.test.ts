import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { connectTarget, parseRtmpTarget, parseRtmpUrl, streamTarget } from './tc-url.ts';

describe('parseRtmpUrl', () => {
  it.each([
    ['rtmp://host/live', { isSecure: false, host: 'host', port: 1935, path: 'live', query: '' }],
    ['RTMPS://Host:1936/live/', { isSecure: true, host: 'Host', port: 1936, path: 'live', query: '' }],
    ['rtmps://host/a', { isSecure: true, host: 'host', port: 443, path: 'a', query: '' }],
    [
      'rtmp://[2001:db8::1]:19350/a/b?x=1',
      { isSecure: false, host: '2001:db8::1', port: 19350, path: 'a/b', query: 'x=1' },
    ],
    [
      'rtmp://u:p@w@host:/live?a?b',
      { isSecure: false, host: 'host', port: 1935, path: 'live', query: 'a?b' },
    ],
    ['rtmp://host', { isSecure: false, host: 'host', port: 1935, path: '', query: '' }],
  ])('reads %s', (text, url) => {
    expect(parseRtmpUrl(text)).toEqual(url);
  });

  it.each([
    '',
    'host/live',
    'http://host/live',
    'rtmpt://host/live',
    'rtmp://',
    'rtmp:///live',
    'rtmp://host:0/live',
    'rtmp://host:65536/live',
    'rtmp://host:x/live',
    'rtmp://[::1/live',
    'rtmp://::1/live',
    'rtmp://[host]/live',
  ])('refuses %j', (text) => {
    expect(parseRtmpUrl(text)).toBeUndefined();
  });
});

describe('parseRtmpTarget', () => {
  it('takes the last path element as the name, with its query', () => {
    expect(parseRtmpTarget('rtmp://host/live/cam?token=a/b')).toEqual({
      isSecure: false,
      host: 'host',
      port: 1935,
      app: 'live',
      tcUrl: 'rtmp://host:1935/live',
      name: 'cam?token=a/b',
    });
    expect(parseRtmpTarget('rtmps://[::1]/a/b/cam')).toMatchObject({
      app: 'a/b',
      tcUrl: 'rtmps://[::1]:443/a/b',
      name: 'cam',
    });
  });

  it.each(['rtmp://host', 'rtmp://host/live', 'rtmp://host//live', 'nonsense'])('refuses %s', (text) => {
    expect(parseRtmpTarget(text)).toBeUndefined();
  });
});

describe('connectTarget', () => {
  it.each([
    ['live', 'rtmp://h/live', 'live'],
    ['live/', '', 'live'],
    ['/live', '', 'live'],
    ['live?x=1', '', 'live'],
    ['live/?x=1', '', 'live'],
    ['live/_definst_', '', 'live/_definst_'],
    ['', 'rtmp://h:1935/live?x=1', 'live'],
    ['', 'rtmp://h/', ''],
    ['', 'garbage', ''],
    ['?x=1', '', ''],
  ])('finds the app in %j and %j: %j', (app, tcUrl, found) => {
    expect(connectTarget(app, tcUrl).app).toBe(found);
  });

  it('merges the parameters of both; those of the app win', () => {
    const { params } = connectTarget('live?a=app&c', 'rtmp://h/live?a=url&b=%20x');
    expect([...params]).toEqual([
      ['a', 'app'],
      ['b', ' x'],
      ['c', ''],
    ]);
  });

  it('never throws, whatever it is given', () => {
    const piece = fc.constantFrom(
      'rtmp://',
      'h',
      '[',
      ']',
      ':',
      '1935',
      '/',
      '?',
      '@',
      '&',
      '=',
      '%',
      '%41',
      '\0',
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(piece).map((pieces) => pieces.join('')),
    );
    fc.assert(
      fc.property(text, text, (app, tcUrl) => {
        connectTarget(app, tcUrl);
        parseRtmpTarget(tcUrl);
      }),
      { numRuns: 300 },
    );
  });
});

describe('streamTarget', () => {
  it('splits the name from its parameters, which win over those of the connection', () => {
    const { name, params } = streamTarget(
      'cam?token=n&n',
      new Map([
        ['token', 'c'],
        ['c', '1'],
      ]),
    );
    expect(name).toBe('cam');
    expect([...params]).toEqual([
      ['token', 'n'],
      ['c', '1'],
      ['n', ''],
    ]);
  });

  it.each([
    ['a=b=c', 'a', 'b=c'],
    ['a=x+y', 'a', 'x+y'],
    ['a=%zz', 'a', '%zz'],
    ['&&a=1&', 'a', '1'],
    ['%61=%2f', 'a', '/'],
    ['a=1&a=2', 'a', '2'],
  ])('reads the parameters %s', (query, key, value) => {
    expect([...streamTarget(`cam?${query}`, new Map()).params]).toEqual([[key, value]]);
  });

  it('looks at 64 parameters and no more, the connection’s not counted', () => {
    const many = Array.from({ length: 5000 }, (_, index) => `p${index}=1`).join('&');
    const { params } = connectTarget(`live?${many}`, '');
    expect(params.size).toBe(64);
    expect(streamTarget('cam?token=t', params).params.get('token')).toBe('t');
  });
});
