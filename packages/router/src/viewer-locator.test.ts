import { silentMetrics } from '@headwater/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressBits, networkBits } from './ip-address.ts';
import { NetworkTable } from './network-table.ts';
import { ViewerLocator, type ViewerLocatorOptions } from './viewer-locator.ts';

function locator(over: Partial<ViewerLocatorOptions> = {}): ViewerLocator {
  const home = { zone: 'home', region: 'h' };
  return new ViewerLocator({ metrics: silentMetrics, networks: [], trustedProxies: [], home, ...over });
}

describe('an address', () => {
  it('is the same however it is written', () => {
    const same = ['192.0.2.1', '::ffff:192.0.2.1', '::ffff:c000:201', '0:0:0:0:0:ffff:c000:0201'];
    expect(new Set(same.map(addressBits)).size).toBe(1);
    expect(addressBits('2001:db8::1')).toBe(0x20010db8000000000000000000000001n);
    expect(addressBits('::')).toBe(0n);
    expect(addressBits('1::')).toBe(1n << 112n);
    expect(addressBits('fe80::1%eth0')).toBe(addressBits('fe80::1'));
  });

  it('of any form is read as what it is, or as none', () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        expect(addressBits(text)).toBeLessThan(1n << 128n);
      }),
    );
    fc.assert(
      fc.property(fc.ipV4(), (text) => {
        expect(addressBits(`::ffff:${text}`)).toBe(addressBits(text));
      }),
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(['bigint', 'undefined']).toContain(typeof addressBits(text));
      }),
    );
  });

  it('is no network with a prefix that it does not have', () => {
    for (const text of ['10.0.0.0/33', '::/129', '10.0.0.0/', '10.0.0.0/x', '10.0.0/8', '']) {
      expect(networkBits(text), text).toBeUndefined();
    }
    expect(networkBits('0.0.0.0/0')).toEqual({ bits: 0xffffn, length: 96 });
    expect(networkBits('::/0')).toEqual({ bits: 0n, length: 0 });
  });
});

describe('a table of networks', () => {
  it('answers with the smallest network that has the address', () => {
    const table = new NetworkTable([
      ['10.0.0.0/8', 'large'],
      ['10.1.0.0/16', 'small'],
      ['10.1.0.0/16', 'second'],
      ['10.1.2.3', 'one'],
      ['2001:db8::/32', 'six'],
      ['nonsense', 'none'],
    ]);
    const found = [
      '10.2.0.1',
      '10.1.9.9',
      '10.1.2.3',
      '::ffff:10.1.2.3',
      '2001:db8:1::',
      '11.0.0.1',
      '::1',
      'x',
    ];
    expect(found.map((address) => table.find(address))).toEqual([
      ...['large', 'small', 'one', 'one', 'six', undefined, undefined, undefined],
    ]);
  });
});

describe('a viewer is', () => {
  it('where the table of networks says, else where the database says, else where the router is', () => {
    const database = {
      find: (address: string) => (address === '::1' ? { zone: 'd', region: undefined } : undefined),
    };
    const networks = [{ network: '10.0.0.0/8', zone: 'n', region: 'r' }];
    const located = locator({ networks, database });
    expect(located.locate('10.0.0.1')).toEqual({ source: 'network', zone: 'n', region: 'r' });
    expect(located.locate('::1')).toEqual({ source: 'database', zone: 'd', region: undefined });
    expect(located.locate('192.0.2.1')).toEqual({ source: 'router', zone: 'home', region: 'h' });
  });

  it.each([
    ['10.0.0.1', '192.0.2.1', '192.0.2.1', 'a trusted proxy says who its peer was'],
    ['192.0.2.9', '198.51.100.1', '192.0.2.9', 'a stranger may say what it likes'],
    ['10.0.0.1', '198.51.100.1, 192.0.2.1', '192.0.2.1', 'what stands before a stranger is not believed'],
    ['10.0.0.1', '192.0.2.1, 10.0.0.2, ::ffff:10.0.0.3', '192.0.2.1', 'proxies in a row are passed'],
    ['10.0.0.1', '192.0.2.1, nonsense', '10.0.0.1', 'what is no address ends the search'],
    ['10.0.0.1', '192.0.2.1:4711', '192.0.2.1', 'a port is left out'],
    ['10.0.0.1', '[2001:db8::1]:4711', '2001:db8::1', 'a port is left out, of IPv6 as well'],
    ['10.0.0.1', '10.0.0.2', '10.0.0.2', 'a proxy that asks for itself is the viewer'],
    ['10.0.0.1', undefined, '10.0.0.1', 'a proxy that says nothing is the viewer'],
  ])('at %s with X-Forwarded-For %j taken for %s: %s', (peer, forwarded, client, _why) => {
    expect(locator({ trustedProxies: ['10.0.0.0/8'] }).clientOf(peer, forwarded)).toBe(client);
  });

  it('found in bounded time, however long the list', () => {
    const list = Array.from({ length: 5_000 }, () => '10.0.0.1').join(', ');
    expect(locator({ trustedProxies: ['10.0.0.0/8'] }).clientOf('10.0.0.1', `192.0.2.1, ${list}`)).toBe(
      '10.0.0.1',
    );
  });
});
