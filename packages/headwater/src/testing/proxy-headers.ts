const signature = '0d0a0d0a000d0a515549540a';

/** A header of version 1. */
export function proxyLine(fields: string): Buffer {
  return Buffer.from(`PROXY ${fields}\r\n`, 'latin1');
}

/** A header of version 2: version and command, family, what follows, and what its length is said to be. */
export function proxyBinary(
  command: number,
  family: number,
  body: Buffer = Buffer.alloc(0),
  bodyBytes: number = body.length,
): Buffer {
  const head = Buffer.from([command, family, bodyBytes >> 8, bodyBytes & 0xff]);
  return Buffer.concat([Buffer.from(signature, 'hex'), head, body]);
}

/** What follows the head of version 2 for TCP over IPv4. */
export function ipv4Body(source: string, tlvs: Buffer = Buffer.alloc(0)): Buffer {
  const destination = [192, 0, 2, 250];
  const ports = [0xdc, 0x04, 0x07, 0x8f];
  return Buffer.concat([Buffer.from([...source.split('.').map(Number), ...destination, ...ports]), tlvs]);
}
