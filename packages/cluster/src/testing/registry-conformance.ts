// What every `StreamRegistry` must do. The twins, in memory and in Redis, pass one and the same suite; it assumes nothing
// about when events are heard, and lets time pass only through the harness.
import { afterEach, beforeEach, describe } from 'vitest';
import { claimCases } from './conformance/claims.ts';
import { epochCases } from './conformance/epochs.ts';
import { nodeCases } from './conformance/nodes.ts';
import { ownershipCases } from './conformance/ownership.ts';
import { rebuildingCases } from './conformance/rebuilding.ts';
import { watchCases } from './conformance/watching.ts';
import type { MakeRegistryHarness, RegistryHarness } from './registry-harness.ts';

/** Declares the suite for one implementation; each test gets an empty registry. */
export function registryConformance(name: string, makeHarness: MakeRegistryHarness): void {
  describe(`${name} as a stream registry`, () => {
    let current: RegistryHarness | undefined;

    const harness = (): RegistryHarness => {
      if (current === undefined) throw new Error('no harness outside of a test');
      return current;
    };

    beforeEach(async () => {
      current = await makeHarness();
    });

    afterEach(async () => {
      await current?.close();
      current = undefined;
    });

    describe('nodes', () => {
      nodeCases(harness);
    });
    describe('claims', () => {
      claimCases(harness);
    });
    describe('epochs', () => {
      epochCases(harness);
    });
    describe('ownership', () => {
      ownershipCases(harness);
    });
    describe('a rebuilt registry', () => {
      rebuildingCases(harness);
    });
    describe('a watch', () => {
      watchCases(harness);
    });
  });
}
