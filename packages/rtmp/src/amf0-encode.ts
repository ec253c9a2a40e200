import { amf0Marker } from './amf0-decode.ts';
import {
  AmfEcmaArray,
  AmfTypedObject,
  AmfXml,
  isAmfObject,
  type AmfObject,
  type AmfValue,
} from './amf-value.ts';

const maxDepth = 32;

/** Encodes values one after the other. Throws `RangeError` for nesting beyond 32 or a key beyond 65,535 bytes. */
export function encodeAmf0(...values: readonly AmfValue[]): Buffer {
  const parts: Buffer[] = [];
  for (const value of values) write(parts, value, 0);
  return Buffer.concat(parts);
}

function write(parts: Buffer[], value: AmfValue, depth: number): void {
  if (depth > maxDepth) throw new RangeError('AMF value is nested too deeply');
  switch (typeof value) {
    case 'number':
      parts.push(number(value));
      return;
    case 'boolean':
      parts.push(Buffer.from([amf0Marker.boolean, value ? 1 : 0]));
      return;
    case 'string':
      writeString(parts, value);
      return;
    case 'object':
      writeObject(parts, value, depth);
      return;
    default:
      parts.push(Buffer.from([amf0Marker.undefined]));
  }
}

function writeObject(parts: Buffer[], value: AmfValue & (object | null), depth: number): void {
  if (value === null) parts.push(Buffer.from([amf0Marker.null]));
  else if (isAmfObject(value)) writeProperties(parts, value, depth);
  else if (value instanceof Date) parts.push(date(value));
  else if (value instanceof AmfXml) parts.push(long(amf0Marker.xml, Buffer.from(value.text)));
  // AMF0 has no byte arrays.
  else if (Buffer.isBuffer(value)) parts.push(Buffer.from([amf0Marker.unsupported]));
  else if (Array.isArray(value)) writeArray(parts, value, depth);
}

function writeArray(parts: Buffer[], values: readonly AmfValue[], depth: number): void {
  parts.push(counted(amf0Marker.strictArray, values.length));
  for (const value of values) write(parts, value, depth + 1);
}

function writeString(parts: Buffer[], text: string): void {
  const bytes = Buffer.from(text);
  if (bytes.length > 0xffff) parts.push(long(amf0Marker.longString, bytes));
  else parts.push(Buffer.from([amf0Marker.string]), short(bytes));
}

function writeProperties(parts: Buffer[], object: AmfObject, depth: number): void {
  if (object instanceof AmfEcmaArray) {
    parts.push(counted(amf0Marker.ecmaArray, object.size));
  } else if (object instanceof AmfTypedObject) {
    parts.push(Buffer.from([amf0Marker.typedObject]), short(Buffer.from(object.className)));
  } else {
    parts.push(Buffer.from([amf0Marker.object]));
  }
  for (const [key, value] of object) {
    parts.push(short(Buffer.from(key)));
    write(parts, value, depth + 1);
  }
  parts.push(Buffer.from([0, 0, amf0Marker.objectEnd]));
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(9);
  bytes.writeDoubleBE(value, 1);
  return bytes;
}

function date(value: Date): Buffer {
  const bytes = Buffer.alloc(11);
  bytes[0] = amf0Marker.date;
  bytes.writeDoubleBE(value.getTime(), 1);
  return bytes;
}

function counted(marker: number, count: number): Buffer {
  const bytes = Buffer.alloc(5);
  bytes[0] = marker;
  bytes.writeUInt32BE(count, 1);
  return bytes;
}

function long(marker: number, text: Buffer): Buffer {
  return Buffer.concat([counted(marker, text.length), text]);
}

function short(text: Buffer): Buffer {
  if (text.length > 0xffff) throw new RangeError('AMF key is longer than 65535 bytes');
  const bytes = Buffer.alloc(2 + text.length);
  bytes.writeUInt16BE(text.length);
  text.copy(bytes, 2);
  return bytes;
}
