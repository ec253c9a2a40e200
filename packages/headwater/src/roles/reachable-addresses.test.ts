import { compileConfig, type Config } from '@headwater/contracts';
import { expect, it } from 'vitest';
import { reachableAddresses } from './reachable-addresses.ts';

const config = (input: object): Config => compileConfig(input, { defaultNodeId: 'n' });
const redis = { registry: { kind: 'redis', redis: { url: 'redis://127.0.0.1' } } };

it('keeps the address of what listens on one', () => {
  const bound = { rtmp: '192.0.2.7:1935' };
  expect(reachableAddresses(config({ ...redis, rtmp: { bind: '192.0.2.7' } }), bound)).toEqual(bound);
});

it('goes by the configured address where all interfaces are listened on', () => {
  const input = { ...redis, node: { address: 'origin-1.example' } };
  expect(reachableAddresses(config(input), { rtmp: '127.0.0.1:1935', admin: '127.0.0.1:9090' })).toEqual({
    rtmp: 'origin-1.example:1935',
    admin: 'origin-1.example:9090',
  });
});

it('puts an IPv6 address in brackets', () => {
  const input = { ...redis, node: { address: '2001:db8::1' } };
  expect(reachableAddresses(config(input), { rtmp: '127.0.0.1:1' })).toEqual({ rtmp: '[2001:db8::1]:1' });
});

it('prefers what the relay is to be advertised as, with the bound port where none is given', () => {
  const bound = { relay: '127.0.0.1:50051' };
  const advertise = (text: string): object => ({ ...redis, relay: { advertise: text } });
  expect(reachableAddresses(config(advertise('r.example')), bound)).toEqual({ relay: 'r.example:50051' });
  expect(reachableAddresses(config(advertise('r.example:7')), bound)).toEqual({ relay: 'r.example:7' });
  for (const address of ['[2001:db8::1]', '2001:db8::1']) {
    expect(reachableAddresses(config(advertise(address)), bound)).toEqual({ relay: '[2001:db8::1]:50051' });
  }
});

it('is this machine alone with the embedded registry', () => {
  expect(reachableAddresses(config({}), { http: '127.0.0.1:8080' })).toEqual({ http: '127.0.0.1:8080' });
});
