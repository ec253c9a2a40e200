import type { StoredObject } from './kube-store.ts';

/** True when an object is among those that a request selects by its labels and fields. */
export function isSelectedBy(object: StoredObject, query: URLSearchParams): boolean {
  const labels = object.metadata.labels ?? {};
  const { name, namespace = '' } = object.metadata;
  const fields: Readonly<Record<string, string>> = { 'metadata.name': name, 'metadata.namespace': namespace };
  return (
    requirements(query.get('labelSelector')).every(([key, value]) => labels[key] === value) &&
    requirements(query.get('fieldSelector')).every(([key, value]) => fields[key] === value)
  );
}

/** Of the forms `a=b` and `a==b`; others are not asked for here. */
function requirements(selector: string | null): readonly (readonly [key: string, value: string])[] {
  const texts = (selector ?? '').split(',').filter((text) => text !== '');
  return texts.map((text) => {
    const match = /^([^=!]+)={1,2}([^=]*)$/.exec(text);
    if (match === null) throw new Error(`selector ${text}`);
    return [match[1] ?? '', match[2] ?? ''];
  });
}
