// The ways to change an object: Helm 3 sends strategic merge patches, Helm 4 applies.
import type { SentObject, StoredObject } from './kube-store.ts';

type Json = Record<string, unknown>;

/** By which field the entries of a list are told apart, by the name of the list. Other lists are replaced as a whole. */
const mergeKeys: Readonly<Record<string, string>> = {
  containers: 'name',
  initContainers: 'name',
  env: 'name',
  volumes: 'name',
  volumeMounts: 'mountPath',
  imagePullSecrets: 'name',
  topologySpreadConstraints: 'topologyKey',
};

/** A strategic merge patch; with lists replaced as a whole it is a JSON merge patch (RFC 7396). */
export function mergePatch(before: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const result: Json = isObject(before) ? { ...before } : {};
  for (const [field, value] of Object.entries(patch)) {
    if (field.startsWith('$')) continue;
    if (value === null) Reflect.deleteProperty(result, field);
    else {
      result[field] = Array.isArray(value)
        ? mergedList(field, result[field], value)
        : mergePatch(result[field], value);
    }
  }
  return patch['$patch'] === 'replace' ? mergePatch(undefined, withoutDirectives(patch)) : result;
}

function mergedList(field: string, before: unknown, patch: readonly unknown[]): unknown[] {
  const key = field === 'ports' ? portKeyOf(patch) : mergeKeys[field];
  if (key === undefined || !Array.isArray(before) || !patch.every(isObject)) return [...patch];
  const entries = (before as Json[]).map((entry) => ({ ...entry }));
  for (const change of patch) {
    const index = entries.findIndex((entry) => entry[key] === change[key]);
    if (change['$patch'] === 'delete') entries.splice(index, index < 0 ? 0 : 1);
    else if (index < 0) entries.push(mergePatch({}, change) as Json);
    else entries[index] = mergePatch(entries[index], change) as Json;
  }
  return entries;
}

function portKeyOf(patch: readonly unknown[]): string {
  return patch.some((entry) => isObject(entry) && 'containerPort' in entry) ? 'containerPort' : 'port';
}

/**
 * What is applied, over what the server itself has added. Only one applies here, so what was there before and is not
 * applied any more was its own, and goes.
 */
export function applied(before: StoredObject | undefined, sent: SentObject): SentObject {
  if (before === undefined) return sent;
  const clusterIP = (before.spec as { clusterIP?: string } | undefined)?.clusterIP;
  const spec = isObject(sent['spec'])
    ? { ...(clusterIP === undefined ? {} : { clusterIP }), ...sent['spec'] }
    : undefined;
  const status = before.status === undefined ? {} : { status: before.status };
  return { ...sent, ...(spec === undefined ? {} : { spec }), ...status };
}

function withoutDirectives(patch: Json): Json {
  return Object.fromEntries(Object.entries(patch).filter(([field]) => !field.startsWith('$')));
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
