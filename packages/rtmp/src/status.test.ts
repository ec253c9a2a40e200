import { AppError, errorCatalogue, type CloseReason, type ErrorCode } from '@headwater/contracts';
import { describe, expect, it } from 'vitest';
import { amfObject } from './amf-value.ts';
import {
  connectRefusal,
  errorCodeOf,
  findStatus,
  playEnd,
  playRefusal,
  publishEnd,
  publishRefusal,
  statusObject,
} from './status.ts';

const codes = Object.keys(errorCatalogue) as ErrorCode[];

describe('a refusal', () => {
  it.each(codes)('for %s has a code of the call that is refused', (code) => {
    const error = new AppError(code);
    expect(connectRefusal(error).code).toMatch(/^NetConnection\./);
    expect(publishRefusal(error).code).toMatch(/^NetStream\.Publish\./);
    expect(playRefusal(error).code).toMatch(/^NetStream\.Play\./);
    for (const refusal of [connectRefusal, publishRefusal, playRefusal]) {
      expect(refusal(error).level).toBe('error');
    }
  });

  it('says what was wrong, but nothing about a fault of ours', () => {
    const details = { expected: 'a-z', path: '/srv/x' };
    expect(publishRefusal(new AppError('stream_name_invalid', { details })).description).toContain(
      'expected=a-z',
    );
    expect(publishRefusal(new AppError('internal', { details })).description).toBe('internal error');
  });

  it.each([
    ['already_publishing', publishRefusal],
    ['publish_denied', publishRefusal],
    ['stream_not_found', playRefusal],
    ['play_denied', playRefusal],
    ['app_unknown', connectRefusal],
  ] as const)('for %s is understood by our own client', (code, refusal) => {
    expect(errorCodeOf(refusal(new AppError(code)))).toBe(code);
  });

  it('with a code that says nothing about the peer is an upstream that cannot be had', () => {
    for (const code of ['NetConnection.Connect.Rejected', 'NetStream.Publish.Failed', 'x', '']) {
      expect(errorCodeOf({ level: 'error', code, description: '' })).toBe('upstream_unavailable');
    }
  });
});

describe('the end of a stream', () => {
  const normal: readonly CloseReason[] = [
    'unpublished',
    'stream_ended',
    'hold_expired',
    'publisher_lost',
    'shutdown',
  ];
  const faults: readonly CloseReason[] = ['kicked', 'denied', 'limit', 'internal_error', 'protocol_error'];

  it.each(normal)('as %s is no error to either side', (reason) => {
    expect(publishEnd(reason)).toMatchObject({ level: 'status', code: 'NetStream.Unpublish.Success' });
    expect(playEnd(reason)).toMatchObject({ level: 'status', code: 'NetStream.Play.UnpublishNotify' });
  });

  it.each(faults)('as %s is an error to both sides', (reason) => {
    expect(publishEnd(reason, 'said so')).toMatchObject({ level: 'error', description: 'said so' });
    expect(playEnd(reason).level).toBe('error');
  });
});

describe('findStatus', () => {
  it('takes the last object with a code', () => {
    const info = statusObject({ level: 'error', code: 'A.B', description: 'd' }, { extra: 1 });
    expect(findStatus([amfObject({ code: 'first' }), info, null])).toEqual({
      level: 'error',
      code: 'A.B',
      description: 'd',
    });
  });

  it('reads a level or description of another type as none', () => {
    const info = amfObject({ code: 'A', level: 7, description: null });
    expect(findStatus([info])).toEqual({ level: 'status', code: 'A', description: '' });
    expect(findStatus([null, 'A', amfObject({})])).toBeUndefined();
  });
});
