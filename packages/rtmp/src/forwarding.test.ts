import { AppError, errorCatalogue, type CloseReason, type ErrorCode } from '@headwater/contracts';
import { describe, expect, it } from 'vitest';
import { amfObject, type AmfValue } from './amf-value.ts';
import { decodeCommand } from './commands.ts';
import {
  endDetails,
  forwarderProperties,
  isForwarder,
  readForwarded,
  readForwardedClient,
  refusalDetails,
} from './forwarding.ts';
import { ServerHarness, statusOf } from './testing/server-harness.ts';

it.each(Object.keys(errorCatalogue) as ErrorCode[])('a refusal for %s is read as it was said', (code) => {
  const error = new AppError(code, { details: { owner: 'origin-1' } });
  expect(readForwarded(amfObject(refusalDetails(error)))).toEqual({ code, owner: 'origin-1' });
});

it.each<CloseReason>(['replaced', 'kicked', 'shutdown'])('an end as %s is read as it was said', (reason) => {
  expect(readForwarded(amfObject(endDetails(reason)))).toEqual({ reason });
});

it('what is no code, owner or reason counts as not said', () => {
  for (const odd of ['', '__proto__', 'toString', 'x'.repeat(1000), 7, true, null]) {
    expect(
      readForwarded(amfObject({ headwaterCode: odd, headwaterReason: odd, headwaterOwner: odd })).code,
    ).toBe(undefined);
    expect(readForwarded(amfObject({ headwaterCode: odd, headwaterReason: odd })).reason).toBe(undefined);
  }
  expect(readForwarded(amfObject({ headwaterOwner: 'x'.repeat(1000) }))).toEqual({});
  expect(readForwarded(undefined)).toEqual({});
});

it('only the mark itself makes a forwarder', () => {
  expect(isForwarder(amfObject({ headwaterForwards: true }))).toBe(true);
  for (const odd of [1, 'true', null, false]) {
    expect(isForwarder(amfObject({ headwaterForwards: odd }))).toBe(false);
  }
  expect(isForwarder(undefined)).toBe(false);
});

describe('a publish that another node forwards', () => {
  const command = (harness: ServerHarness): ReadonlyMap<string, unknown> => {
    const status = harness.messages().findLast((message) => statusOf(message) !== undefined);
    const info = status === undefined ? undefined : decodeCommand(status)?.args.at(-1);
    return info instanceof Map ? info : new Map();
  };

  function requested(properties: Readonly<Record<string, boolean>>): ServerHarness {
    const harness = new ServerHarness();
    harness.client.handshake().connect(properties).call({ name: 'createStream', transactionId: 2 });
    harness.publish('cam');
    harness.messages();
    return harness;
  }

  it('is told the code and the owner in the way, which strangers are not', () => {
    for (const [properties, code] of [
      [{ headwaterForwards: true }, 'already_publishing'],
      [{}, undefined],
    ] as const) {
      const harness = requested(properties);
      const details = { owner: 'origin-2' };
      harness.delegate.publishes[0]?.refuse(new AppError('already_publishing', { details }));
      const info = command(harness);
      expect(info.get('code')).toBe('NetStream.Publish.BadName');
      expect(info.get('headwaterCode')).toBe(code);
      expect(info.get('headwaterOwner')).toBe(code && 'origin-2');
    }
  });

  it('is told the reason when the node ends it, which strangers are not', () => {
    for (const [properties, reason] of [
      [{ headwaterForwards: true }, 'replaced'],
      [{}, undefined],
    ] as const) {
      const harness = requested(properties);
      const control = harness.delegate.publishes[0]?.accept({
        media: () => undefined,
        ended: () => undefined,
      });
      control?.close('replaced');
      const info = command(harness);
      expect(info.get('code')).toBe('NetStream.Publish.BadName');
      expect(info.get('headwaterReason')).toBe(reason);
    }
  });
});

it('who is forwarded is read from what the forwarder adds, and from nothing less', () => {
  const client = { address: '192.0.2.7', sessionId: 'session-1' };
  const read = (properties: [string, AmfValue][]): unknown => readForwardedClient(new Map(properties));
  expect(read(forwarderProperties(client))).toEqual(client);
  expect(isForwarder(new Map(forwarderProperties(client)))).toBe(true);
  expect(read(forwarderProperties(undefined))).toBeUndefined();
  expect(read([['headwaterSession', 5]])).toBeUndefined();
  expect(readForwardedClient(undefined)).toBeUndefined();
});
