// The one thing that Helm sends in Kubernetes' protobuf: Secrets, in which it keeps its releases. Field numbers are those of
// `generated.proto` of k8s.io/api/core/v1 and apimachinery/pkg/apis/meta/v1; the envelope is `runtime.Unknown` after four
// bytes of magic.
import type { SentObject } from './kube-store.ts';

type Field = readonly [number: number, value: Buffer];

const magicBytes = 4;
const none = Buffer.alloc(0);

/** Reads a Secret. Throws where it is none. */
export function decodeSecret(bytes: Buffer): SentObject {
  const secret = fieldsOf(oneOf(fieldsOf(bytes.subarray(magicBytes)), 2));
  const metadata = fieldsOf(oneOf(secret, 1));
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: oneOf(metadata, 1).toString(),
      namespace: oneOf(metadata, 3).toString(),
      labels: mapOf(metadata, 11, 'utf8'),
      annotations: mapOf(metadata, 12, 'utf8'),
    },
    data: mapOf(secret, 2, 'base64'),
    type: oneOf(secret, 3).toString(),
  };
}

function oneOf(fields: readonly Field[], number: number): Buffer {
  return fields.find(([found]) => found === number)?.[1] ?? none;
}

function mapOf(fields: readonly Field[], number: number, encoding: BufferEncoding): Record<string, string> {
  const entries = fields.filter(([found]) => found === number).map(([, value]) => fieldsOf(value));
  return Object.fromEntries(
    entries.map((entry) => [oneOf(entry, 1).toString(), oneOf(entry, 2).toString(encoding)]),
  );
}

/** The fields of a message that have a length; numbers are left out, as nothing here needs them. */
function fieldsOf(bytes: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes.readUInt8(at++);
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const wireType = tag & 7;
    if (wireType === 0) varint();
    else if (wireType === 2) {
      const length = varint();
      fields.push([tag >>> 3, bytes.subarray(at, at + length)]);
      at += length;
    } else throw new Error(`wire type ${wireType} in a Secret`);
  }
  return fields;
}
