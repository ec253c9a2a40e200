import { ManualClock } from '@headwater/contracts/testing';
import { describe, expect, it } from 'vitest';
import { ConnectionGate, type ConnectionGateOptions, type GateResult } from './connection-gate.ts';

const limits: ConnectionGateOptions = {
  connections: 5,
  connectionsPerAddress: 3,
  newConnectionsPerAddressPerSecond: 2,
  exemptAddresses: ['10.0.0.0/8', '::1', '192.0.2.9'],
};

function outcome(result: GateResult): string {
  return result.admitted ? 'admitted' : result.refusal;
}

describe('ConnectionGate', () => {
  it('limits new connections of an address per second', () => {
    const clock = new ManualClock();
    const gate = new ConnectionGate(limits, clock);
    const admit = (): string => outcome(gate.admit('192.0.2.1'));
    expect([admit(), admit(), admit()]).toEqual(['admitted', 'admitted', 'address_rate']);
    expect(outcome(gate.admit('192.0.2.2'))).toBe('admitted');
    clock.advance(1000);
    expect(admit()).toBe('admitted');
  });

  it('limits open connections of an address until one is released', () => {
    const clock = new ManualClock();
    const gate = new ConnectionGate(limits, clock);
    const results = [1, 2, 3, 4].map(() => {
      clock.advance(1000);
      return gate.admit('192.0.2.1');
    });
    expect(results.map(outcome)).toEqual(['admitted', 'admitted', 'admitted', 'address_connections']);
    const [first] = results;
    if (first?.admitted === true) {
      first.release();
      first.release();
    }
    expect(gate.open).toBe(2);
    expect(outcome(gate.admit('192.0.2.1'))).toBe('admitted');
  });

  it('limits the connections of the node, whoever asks', () => {
    const gate = new ConnectionGate(limits, new ManualClock());
    for (let peer = 1; peer <= 5; peer++) expect(outcome(gate.admit(`10.0.0.${peer}`))).toBe('admitted');
    expect(outcome(gate.admit('10.0.0.6'))).toBe('node_connections');
  });

  it.each(['10.1.2.3', '::ffff:10.1.2.3', '::1', '192.0.2.9'])(
    'does not limit the exempt address %s',
    (address) => {
      const gate = new ConnectionGate(limits, new ManualClock());
      for (let count = 0; count < 4; count++) expect(outcome(gate.admit(address))).toBe('admitted');
    },
  );

  it('takes a mapped IPv4 address for the address itself', () => {
    const gate = new ConnectionGate(limits, new ManualClock());
    gate.admit('192.0.2.1');
    gate.admit('::ffff:192.0.2.1');
    expect(outcome(gate.admit('192.0.2.1'))).toBe('address_rate');
  });
});
