/** The properties of an AMF object in their order. A Map, so that `__proto__` and `constructor` are plain keys. */
export type AmfObject = ReadonlyMap<string, AmfValue>;

/** Any value AMF0 or AMF3 can carry. Decoded values are trees: a peer cannot make them cyclic. */
export type AmfValue =
  number | boolean | string | null | undefined | Date | Buffer | AmfXml | AmfObject | readonly AmfValue[];

/** An XML document, kept as its text. */
export class AmfXml {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** An array with string keys, as onMetaData uses it. Differs from a plain object only on the wire. */
export class AmfEcmaArray extends Map<string, AmfValue> {}

/** An object that names its class. */
export class AmfTypedObject extends Map<string, AmfValue> {
  readonly className: string;

  constructor(className: string, entries: Iterable<readonly [string, AmfValue]> = []) {
    super(entries);
    this.className = className;
  }
}

/** Makes an AMF object of a literal's own properties, in their order. */
export function amfObject(properties: Readonly<Record<string, AmfValue>>): AmfObject {
  return new Map(Object.entries(properties));
}

/** True for every value with properties: objects, typed objects and ECMA arrays. */
export function isAmfObject(value: AmfValue): value is AmfObject {
  return value instanceof Map;
}

/** The property as a string, or `fallback` when it is absent or of another type. */
export function amfString(object: AmfObject | undefined, key: string, fallback = ''): string {
  const value = object?.get(key);
  return typeof value === 'string' ? value : fallback;
}

/** The property as a finite number, or `fallback` when it is absent or anything else. */
export function amfNumber(object: AmfObject | undefined, key: string, fallback = 0): number {
  const value = object?.get(key);
  return typeof value === 'number' && Number.isFinite(value) ? value : fallback;
}
