import { streamKey } from '@headwater/contracts';
import { expect, it } from 'vitest';
import type { Standby } from '../../stream-record.ts';
import type { BackupRequest } from '../../stream-registry.ts';
import {
  claimedRecord,
  EventLog,
  ownedStream,
  refOf,
  testBeat,
  testClaim,
  testNode,
  type FailoverHarness,
} from '../registry-harness.ts';

const stream = streamKey('live', 'cam1');
const n1 = testNode('n1');
const n2 = testNode('n2');
const n3 = testNode('n3');
const backup: Standby = { ...refOf(n2), relayAddress: 'n2:1', publishes: true };
const appointed: Standby = { ...refOf(n3), relayAddress: 'n3:1' };

function declaration(epoch: number, changes: Partial<BackupRequest> = {}): BackupRequest {
  return { ...openDeclaration(epoch), credential: 'c', ...changes };
}

function openDeclaration(epoch: number): BackupRequest {
  return { stream, epoch, node: refOf(n2), relayAddress: 'n2:1' };
}

/** Backups: who may stand ready for an epoch, and take it over while its owner lives. `n1` and `n2` have joined. */
export function backupCases(harness: () => FailoverHarness): void {
  const claimed = async () =>
    claimedRecord(
      await harness()
        .registry()
        .claim(testClaim(n1, { credential: 'c' })),
    );

  declarationCases(harness, claimed);
  takeoverCases(harness, claimed);
  yieldingCases(harness, claimed);
}

type Claimed = () => Promise<ReturnType<typeof claimedRecord>>;

function declarationCases(harness: () => FailoverHarness, claimed: Claimed): void {
  it('is shown as the standby, is heard of once, and stays through updates and beats of the owner', async () => {
    const registry = harness().registry();
    const record = await claimed();
    const { epoch } = record;
    const log = await EventLog.open(registry);
    const declared = { ...record, standby: backup };
    expect(await registry.declareBackup(declaration(epoch))).toEqual({
      outcome: 'declared',
      record: declared,
    });
    expect(await registry.declareBackup(declaration(epoch))).toEqual({
      outcome: 'declared',
      record: declared,
    });
    await registry.heartbeat(testBeat(n1, [[stream, { ...ownedStream(record), state: 'interrupted' }]]));
    expect(await harness().registry().stream(stream)).toEqual({ ...declared, state: 'interrupted' });
    await log.until(`stream_updated ${stream} interrupted n1 ${epoch}`);
    expect(log.heard.filter((text) => text.includes(' live '))).toHaveLength(1);
  });

  it('is refused for another epoch, another credential or none, for the owner itself, and after the end', async () => {
    const registry = harness().registry();
    const current = await claimed();
    const { epoch } = current;
    const refused = { outcome: 'refused', current };
    expect(await registry.declareBackup(declaration(epoch - 1))).toEqual(refused);
    expect(await registry.declareBackup(declaration(epoch + 1))).toEqual(refused);
    expect(await registry.declareBackup(declaration(epoch, { credential: 'x' }))).toEqual(refused);
    expect(await registry.declareBackup(openDeclaration(epoch))).toEqual(refused);
    expect(await registry.declareBackup(declaration(epoch, { node: refOf(n1) }))).toEqual(refused);
    await registry.release(stream, refOf(n1), epoch);
    expect(await registry.declareBackup(declaration(epoch))).toEqual({
      outcome: 'refused',
      current: undefined,
    });
  });

  it('stands ready without a credential where the publisher gave none either', async () => {
    const registry = harness().registry();
    const { epoch } = claimedRecord(await registry.claim(testClaim(n1)));
    expect(await registry.declareBackup(declaration(epoch))).toMatchObject({ outcome: 'refused' });
    expect(await registry.declareBackup(openDeclaration(epoch))).toMatchObject({ outcome: 'declared' });
  });

  it('takes the place of an appointed standby, and keeps it from controllers while its node lives', async () => {
    const registry = harness().registry();
    await registry.join(n3);
    const { epoch } = await claimed();
    expect(await registry.setStandby({ token: 1, stream, epoch, standby: appointed })).toBe('applied');
    await registry.declareBackup(declaration(epoch));
    expect(await registry.setStandby({ token: 1, stream, epoch, standby: appointed })).toBe('conflict');
    expect(await registry.setStandby({ token: 1, stream, epoch, standby: undefined })).toBe('conflict');
    expect(await registry.stream(stream)).toMatchObject({ standby: backup });
    await registry.leave(n2);
    expect(await registry.setStandby({ token: 1, stream, epoch, standby: appointed })).toBe('applied');
  });

  it('gives way to a backup on another node only when its own node is dead', async () => {
    const registry = harness().registry();
    await registry.join(n3);
    const { epoch } = await claimed();
    await registry.declareBackup(declaration(epoch));
    const other = declaration(epoch, { node: refOf(n3), relayAddress: 'n3:1' });
    expect(await registry.declareBackup(other)).toMatchObject({
      outcome: 'refused',
      current: { standby: backup },
    });
    await registry.leave(n2);
    expect(await registry.declareBackup(other)).toMatchObject({ outcome: 'declared' });
  });

  it('is withdrawn by itself alone, and for its epoch alone', async () => {
    const registry = harness().registry();
    await registry.join(n3);
    const { epoch } = await claimed();
    await registry.setStandby({ token: 1, stream, epoch, standby: appointed });
    expect(await registry.withdrawBackup(stream, refOf(n3), epoch)).toBe(false);
    await registry.declareBackup(declaration(epoch));
    expect(await registry.withdrawBackup(stream, refOf(n3), epoch)).toBe(false);
    expect(await registry.withdrawBackup(stream, refOf(n2), epoch - 1)).toBe(false);
    expect(await registry.withdrawBackup(stream, refOf(n2), epoch)).toBe(true);
    expect(await registry.withdrawBackup(stream, refOf(n2), epoch)).toBe(false);
    expect((await registry.stream(stream))?.standby).toBeUndefined();
  });

  it('is not taken of a node that has not joined', async () => {
    const { epoch } = await claimed();
    const declared = harness()
      .registry()
      .declareBackup(declaration(epoch, { node: refOf(n3) }));
    await expect(declared).rejects.toMatchObject({ code: 'registry_unavailable' });
  });
}

function takeoverCases(harness: () => FailoverHarness, claimed: Claimed): void {
  it('takes the epoch over while its owner lives, at a higher one without a standby', async () => {
    const registry = harness().registry();
    const { epoch } = await claimed();
    await registry.declareBackup(declaration(epoch));
    const log = await EventLog.open(registry);
    const claim = testClaim(n2, { credential: 'c', relayAddress: 'n2:1', backupOf: epoch });
    const record = claimedRecord(await harness().registry().claim(claim));
    expect(record.epoch).toBeGreaterThan(epoch);
    expect(record).toMatchObject({ owner: refOf(n2), relayAddress: 'n2:1', state: 'live', credential: 'c' });
    expect(record.standby).toBeUndefined();
    await log.until(`stream_claimed ${stream} live n2 ${record.epoch}`);
    expect(await registry.heartbeat(testBeat(n1, [[stream, epoch]]))).toMatchObject({ lost: [stream] });
  });

  it('takes over nothing else that lives, whatever it could prove', async () => {
    const registry = harness().registry();
    const first = await claimed();
    const claim = testClaim(n2, { credential: 'c', backupOf: first.epoch });
    expect(await registry.claim(claim)).toEqual({ outcome: 'refused', current: first });
    await registry.declareBackup(declaration(first.epoch));
    const second = await claimed();
    expect(await registry.claim(claim)).toEqual({ outcome: 'refused', current: second });
    expect(await registry.claim({ ...claim, backupOf: second.epoch })).toMatchObject({ outcome: 'refused' });
  });

  it('gets the stream of a dead owner like everybody else', async () => {
    const registry = harness().registry();
    const { epoch } = await claimed();
    await registry.declareBackup(declaration(epoch));
    await registry.leave(n1);
    expect(await registry.stream(stream)).toMatchObject({ state: 'orphaned', standby: backup });
    const next = claimedRecord(await registry.claim(testClaim(n2, { credential: 'c', backupOf: epoch })));
    expect(next.epoch).toBeGreaterThan(epoch);
  });
}

function yieldingCases(harness: () => FailoverHarness, claimed: Claimed): void {
  it('gets what is free, and yields to a live publisher of its own credential', async () => {
    const registry = harness().registry();
    const claim = testClaim(n2, { credential: 'c', yields: true });
    const free = claimedRecord(await registry.claim(claim));
    await registry.release(stream, refOf(n2), free.epoch);
    const current = await claimed();
    expect(await registry.claim(claim)).toEqual({ outcome: 'refused', current });
    await registry.update({ stream, owner: refOf(n1), epoch: current.epoch, state: 'interrupted' });
    expect(await registry.claim({ ...claim, credential: 'x' })).toMatchObject({ outcome: 'refused' });
    expect(await registry.claim(claim)).toMatchObject({ outcome: 'claimed' });
  });
}
