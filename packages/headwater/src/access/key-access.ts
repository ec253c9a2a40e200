// Static keys from the configuration. Keys are kept as digests and compared in constant time, all of an entry each time,
// so that neither the value nor the position of a key shows in how long an answer takes.
import { timingSafeEqual } from 'node:crypto';
import {
  splitStreamKey,
  type AccessDecision,
  type AccessKeys,
  type AccessPolicy,
  type AccessRequest,
  type Config,
} from '@headwater/contracts';
import { credentialOf, digestOf } from './credential.ts';

type Rule = 'open' | readonly Buffer[];
type Action = AccessRequest['action'];

/** Allows what `access.keys` allows: the most specific entry that names the action counts, none means refused. */
export function keyAccess(keys: Config['access']['keys']): AccessPolicy {
  const rules: Record<Action, Map<string, Rule>> = { publish: new Map(), play: new Map() };
  for (const [name, entry] of Object.entries(keys)) {
    addRule(rules.publish, name, entry.publish);
    addRule(rules.play, name, entry.play);
  }
  return {
    decide: (request) => Promise.resolve(decide(ruleFor(rules[request.action], request), request)),
  };
}

function addRule(rules: Map<string, Rule>, name: string, keys: AccessKeys): void {
  if (keys === undefined) return;
  rules.set(name, keys === 'open' ? 'open' : keys.map(digestOf));
}

function ruleFor(rules: ReadonlyMap<string, Rule>, request: AccessRequest): Rule {
  return rules.get(request.stream) ?? rules.get(splitStreamKey(request.stream).app) ?? rules.get('*') ?? [];
}

function decide(rule: Rule, request: AccessRequest): AccessDecision {
  const credential = credentialOf(request);
  if (rule === 'open') return credential === undefined ? { allowed: true } : { allowed: true, credential };
  const code = request.action === 'publish' ? 'publish_denied' : 'play_denied';
  if (credential === undefined) return { allowed: false, code, description: 'a token is required' };
  const given = Buffer.from(credential, 'hex');
  let matches = 0;
  for (const key of rule) matches += timingSafeEqual(key, given) ? 1 : 0;
  if (matches === 0) return { allowed: false, code, description: 'the token is not valid' };
  return { allowed: true, credential };
}
