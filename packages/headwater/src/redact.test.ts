import { describe, expect, it } from 'vitest';
import { redactFields, redactText } from './redact.ts';

describe('redactText', () => {
  it.each([
    ['rtmp://h/live/a?token=abc', 'rtmp://h/live/a?token=***'],
    ['/live/a.flv?x=1&token=abc&y=2', '/live/a.flv?x=1&token=***&y=2'],
    ['/live/a.flv?key=abc', '/live/a.flv?key=***'],
    ['Authorization=Bearer', 'Authorization=***'],
    ['token=abc', 'token=***'],
    ['cannot reach rtsp://admin:abc@h/main', 'cannot reach rtsp://admin:***@h/main'],
    ['monkey=abc key=rtmp.port', 'monkey=abc key=rtmp.port'],
    ['no secret here', 'no secret here'],
  ])('makes %j to %j', (text, expected) => {
    expect(redactText(text)).toBe(expected);
  });
});

describe('redactFields', () => {
  it('hides fields with telling names at every depth and keeps the rest', () => {
    const fields = {
      stream: 'live/a',
      token: 'abc',
      request: { headers: { Authorization: 'x', host: 'h' } },
    };
    expect(redactFields(fields)).toEqual({
      stream: 'live/a',
      token: '***',
      request: { headers: { Authorization: '***', host: 'h' } },
    });
  });

  it('hides secrets in the message, the stack and the cause of an error', () => {
    const error = new Error('cannot open ?token=abc', { cause: new Error('/x?token=abc') });
    expect(JSON.stringify(redactFields({ err: error }))).not.toContain('abc');
    expect(redactFields({ err: error })).toMatchObject({
      err: { type: 'Error', cause: { message: '/x?token=***' } },
    });
  });

  it('ends on a value that contains itself', () => {
    const loop: Record<string, unknown> = {};
    loop['self'] = loop;
    expect(JSON.stringify(redactFields({ loop }))).toContain('(nested)');
  });
});
