// The header that a proxy sends before the first byte of a connection, to say whose connection it is: the PROXY protocol of
// HAProxy (proxy-protocol.txt, 2020/03/05), version 1 (a line of text) and version 2 (binary). What is read here is complete;
// `proxy-header-reader.ts` finds out where it ends.
import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import { ProtocolError } from '@headwater/contracts';

/** What a header says. */
export interface ProxyHeader {
  readonly version: 1 | 2;
  /**
   * The client's address, in canonical form. Undefined where the proxy speaks for itself (`LOCAL`), or for somebody that has no
   * such address (`UNKNOWN`, `UNSPEC`, UNIX, UDP): then the address of the connection is the client's.
   */
  readonly address: string | undefined;
}

const portPattern = /^(?:0|[1-9]\d{0,4})$/;
const ipv6Pattern = /^[0-9A-Fa-f:.]+$/;

/** Reads the line of version 1, without its CRLF (section 2.1). Throws `ProtocolError`. */
export function decodeProxyLine(line: string): ProxyHeader {
  const [, family = '', ...fields] = line.split(' ');
  // What stands behind it is to be ignored.
  if (family === 'UNKNOWN') return { version: 1, address: undefined };
  const isAddress = addressChecks.get(family);
  if (isAddress === undefined) throw malformed('family', 6);
  const [source = '', destination = '', ...ports] = fields;
  if (!isAddress(source)) throw malformed('source address', 11);
  if (!isAddress(destination)) throw malformed('destination address', 12 + source.length);
  if (ports.length !== 2 || !ports.every(isPort)) {
    throw malformed('ports', 13 + source.length + destination.length);
  }
  return { version: 1, address: canonical(source) };
}

/** The head of version 2, behind its signature (section 2.2): version and command, family, length. */
export interface ProxyHead {
  readonly isLocal: boolean;
  readonly family: number;
  readonly bodyBytes: number;
}

/** Where the head begins: behind the signature. */
const headOffset = 12;
const [tcpOverIpv4, tcpOverIpv6] = [0x11, 0x21];
const [unixFamily, datagram] = [3, 2];

/** Reads the four bytes behind the signature. Throws `ProtocolError`. */
export function decodeProxyHead(head: Buffer): ProxyHead {
  const [versionAndCommand = 0, family = 0] = head;
  const command = versionAndCommand & 0x0f;
  if (versionAndCommand >> 4 !== 2) throw malformed('version', headOffset);
  if (command > 1) throw malformed('command', headOffset);
  const isLocal = command === 0;
  // The family of a LOCAL header is to be ignored.
  if (!isLocal && (family >> 4 > unixFamily || (family & 0x0f) > datagram)) {
    throw malformed('family', headOffset + 1);
  }
  return { isLocal, family, bodyBytes: head.readUInt16BE(2) };
}

/** Reads what follows the head: addresses, and behind them extensions (TLVs), which are skipped. Throws `ProtocolError`. */
export function decodeProxyBody({ isLocal, family }: ProxyHead, body: Buffer): ProxyHeader {
  const addressBytes = addressBytesOf(family);
  if (isLocal || addressBytes === undefined) return { version: 2, address: undefined };
  // Twice the address, twice the port.
  if (body.length < 2 * addressBytes + 4) throw malformed('length', headOffset + 2);
  return { version: 2, address: addressOf(body.subarray(0, addressBytes)) };
}

function addressBytesOf(family: number): 4 | 16 | undefined {
  if (family === tcpOverIpv4) return 4;
  return family === tcpOverIpv6 ? 16 : undefined;
}

function addressOf(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(2 * index).toString(16));
  return canonical(groups.join(':'));
}

const addressChecks: ReadonlyMap<string, (text: string) => boolean> = new Map([
  ['TCP4', isIPv4],
  // Node takes a zone as well (`fe80::1%eth0`).
  ['TCP6', (text) => ipv6Pattern.test(text) && isIPv6(text)],
]);

function isPort(text: string): boolean {
  return portPattern.test(text) && Number(text) <= 65_535;
}

// One address has one text, so that limits by address hold.
function canonical(address: string): string {
  return isIPv4(address) ? address : new SocketAddress({ address, family: 'ipv6' }).address;
}

function malformed(what: string, offset: number): ProtocolError {
  return new ProtocolError(`proxy header: ${what}`, offset);
}
