// Who may take a live stream over, and who may stand ready for that: the rules of claims and of declared backups.
import { isSameRun, isSameStandby } from './ownership.ts';
import type { Standby, StreamRecord } from './stream-record.ts';
import type { BackupRequest, ClaimRequest } from './stream-registry.ts';

/** True when the claim may have a stream whose owner lives, by the record of that. */
export function mayTakeOver(request: ClaimRequest, current: StreamRecord): boolean {
  const { owner, credential, mayReplace, yields, backupOf, servedEpoch = Infinity } = request;
  if (backupOf !== undefined) return current.epoch === backupOf && isBackup(current, request.owner);
  const isInterrupted = current.state === 'interrupted';
  if (yields === true && !isInterrupted) return false;
  // Of two epochs that began while the registry was away, the higher one's publisher is the newer.
  if (servedEpoch < current.epoch && !isInterrupted && !isSameRun(current.owner, owner)) return false;
  if (current.credential !== undefined && current.credential === credential) return true;
  if (mayReplace === true && isSameRun(current.owner, owner)) return true;
  return isInterrupted && current.credential === undefined;
}

/** True when the node is the declared backup of the record's epoch. */
export function isBackup({ standby }: StreamRecord, node: { nodeId: string; incarnation: string }): boolean {
  return standby?.publishes === true && isSameRun(standby, node);
}

/** The standby that a backup is recorded as; undefined where the record does not allow it. */
export function declaredBackup(
  { epoch, node, relayAddress, credential }: BackupRequest,
  current: StreamRecord,
  hasLivingBackup: boolean,
): Standby | undefined {
  const isFit = current.epoch === epoch && current.credential === credential;
  // An owner is no backup of itself.
  if (!isFit || isSameRun(current.owner, node)) return undefined;
  if (hasLivingBackup && !isBackup(current, node)) return undefined;
  const standby = backupStandby(node, relayAddress);
  return isSameStandby(current.standby, standby) ? current.standby : standby;
}

/** The standby that a node with a second publisher is. */
export function backupStandby(node: { nodeId: string; incarnation: string }, relayAddress: string): Standby {
  return { nodeId: node.nodeId, incarnation: node.incarnation, relayAddress, publishes: true };
}
