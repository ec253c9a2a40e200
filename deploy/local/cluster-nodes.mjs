// What the nodes of the local cluster say about themselves, asked over their admin ports.
import { addressOf } from './cluster-plan.mjs';

const answerTimeoutMs = 1500;

/** @typedef {{ isReady: boolean, reasons: string[], publishers: number, viewers: number }} NodeStatus */
/** @typedef {{ key: string, state: string, epoch?: number, owner?: string, standby?: string, publisher?: object, viewers: Record<string, number> }} Stream */
/** @typedef {import('./cluster-plan.mjs').Member} Member */

/**
 * @param {Member} member
 * @returns {Promise<NodeStatus | undefined>} undefined when it does not answer
 */
export async function statusOf(member) {
  return ask(member, 'GET', '/api/v1/status');
}

/**
 * @param {Member} member
 * @returns {Promise<Stream[]>} none when it does not answer
 */
export async function streamsOf(member) {
  /** @type {{ items: Stream[] } | undefined} */
  const page = await ask(member, 'GET', '/api/v1/streams');
  return page?.items ?? [];
}

/**
 * Has a node take nobody new and send its publishers elsewhere.
 * @param {Member} member
 * @param {number} deadlineSeconds
 * @returns {Promise<boolean>} whether it does
 */
export async function drain(member, deadlineSeconds) {
  return (await ask(member, 'POST', `/api/v1/drain?deadlineSeconds=${deadlineSeconds}`)) !== undefined;
}

/**
 * @param {Member} member
 * @param {'GET' | 'POST'} method
 * @param {string} path
 * @returns {Promise<any>}
 */
async function ask(member, method, path) {
  try {
    const signal = AbortSignal.timeout(answerTimeoutMs);
    const response = await fetch(`http://${addressOf(member, 'admin')}${path}`, { method, signal });
    return response.ok ? await response.json() : undefined;
  } catch {
    return undefined;
  }
}
