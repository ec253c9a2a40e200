// A stream is named by its key `app/name`. Both parts come from untrusted URLs, so they are checked against one
// whitelist before anything else sees them; a key that exists as a value is therefore always safe to log or store.
import { AppError } from './errors.ts';

declare const brand: unique symbol;

/** A checked stream key, `app/name`, e.g. `live/cam1`. Made only by `streamKey` and `parseStreamKey`. */
export type StreamKey = string & { readonly [brand]: 'StreamKey' };

/** What each part of a key must look like. */
export const keyPartPattern: RegExp = /^[A-Za-z0-9_.-]{1,128}$/;

/** Builds a key from its two parts. Throws `AppError` `stream_name_invalid` naming the part that is wrong. */
export function streamKey(app: string, name: string): StreamKey {
  checkPart('app', app);
  checkPart('name', name);
  return `${app}/${name}` as StreamKey;
}

/** Reads `app/name`. Throws `AppError` `stream_name_invalid`. */
export function parseStreamKey(text: string): StreamKey {
  const slash = text.indexOf('/');
  if (slash < 0) {
    throw new AppError('stream_name_invalid', {
      details: { value: text.slice(0, 64), expected: 'app/name' },
    });
  }
  return streamKey(text.slice(0, slash), text.slice(slash + 1));
}

/** The parts of a key. */
export function splitStreamKey(key: StreamKey): { app: string; name: string } {
  const slash = key.indexOf('/');
  return { app: key.slice(0, slash), name: key.slice(slash + 1) };
}

function checkPart(part: 'app' | 'name', value: string): void {
  // `.` and `..` pass the pattern and would walk out of a recording's folder.
  if (keyPartPattern.test(value) && value !== '.' && value !== '..') return;
  throw new AppError('stream_name_invalid', {
    details: { part, value: value.slice(0, 64), expected: '1 to 128 of A-Z a-z 0-9 _ . -, not "." or ".."' },
  });
}
