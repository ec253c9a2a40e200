// The URLs of RTMP, as clients send and users type them. They come in too many shapes for `URL`, which also throws:
// `rtmp[s]://[user@]host[:port]/app[/…][?query]`, with any of it missing.

/** The parts of an RTMP URL. */
export interface RtmpUrl {
  readonly isSecure: boolean;
  /** Without brackets when it is an IPv6 address. */
  readonly host: string;
  readonly port: number;
  /** Without the slashes around it. */
  readonly path: string;
  /** Behind the first `?`. */
  readonly query: string;
}

/** Where to connect to, and what to ask for there. */
export interface RtmpTarget {
  readonly isSecure: boolean;
  readonly host: string;
  readonly port: number;
  readonly app: string;
  readonly tcUrl: string;
  /** The stream's name with its query, as `publish` and `play` send it. */
  readonly name: string;
}

/** Parameters of one query beyond this many are not looked at. */
const maxParams = 64;
const pattern = /^(rtmps?):\/\/([^/?]*)([^?]*)(?:\?([^]*))?$/i;

/** Undefined when it is no RTMP URL. Linear in its length, never throws. */
export function parseRtmpUrl(text: string): RtmpUrl | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const [, scheme = '', authority = '', path = '', query = ''] = match;
  const isSecure = scheme.toLowerCase() === 'rtmps';
  const address = parseAuthority(authority.slice(authority.lastIndexOf('@') + 1));
  if (address === undefined) return undefined;
  const port = address.port ?? (isSecure ? 443 : 1935);
  return { isSecure, host: address.host, port, path: trimSlashes(path), query };
}

/** Splits a URL that names a stream: its last path element is the name, all before it the app. Undefined without both. */
export function parseRtmpTarget(text: string): RtmpTarget | undefined {
  const url = parseRtmpUrl(text);
  if (url === undefined) return undefined;
  const slash = url.path.lastIndexOf('/');
  if (slash < 1) return undefined;
  const app = url.path.slice(0, slash);
  const name = url.path.slice(slash + 1) + (url.query === '' ? '' : `?${url.query}`);
  const host = url.host.includes(':') ? `[${url.host}]` : url.host;
  const tcUrl = `${url.isSecure ? 'rtmps' : 'rtmp'}://${host}:${String(url.port)}/${app}`;
  return { isSecure: url.isSecure, host: url.host, port: url.port, app, tcUrl, name };
}

/** The app and the parameters of a `connect`: those of the app win over those of tcUrl, which stands in for a missing app. */
export function connectTarget(app: string, tcUrl: string): { app: string; params: Map<string, string> } {
  const url = parseRtmpUrl(tcUrl);
  const [path, query] = splitQuery(app);
  const params = new Map<string, string>();
  addParams(params, url?.query ?? '');
  addParams(params, query);
  const name = trimSlashes(path);
  return { app: name === '' ? (url?.path ?? '') : name, params };
}

/** A stream name as `publish` and `play` carry it, and the connection's parameters with the name's over them. */
export function streamTarget(
  name: string,
  params: ReadonlyMap<string, string>,
): { name: string; params: Map<string, string> } {
  const [path, query] = splitQuery(name);
  const merged = new Map(params);
  addParams(merged, query);
  return { name: path, params: merged };
}

function splitQuery(text: string): [string, string] {
  const mark = text.indexOf('?');
  return mark < 0 ? [text, ''] : [text.slice(0, mark), text.slice(mark + 1)];
}

function addParams(params: Map<string, string>, query: string): void {
  let start = 0;
  for (let count = 0; count < maxParams && start < query.length; count += 1) {
    const ampersand = query.indexOf('&', start);
    const end = ampersand < 0 ? query.length : ampersand;
    const pair = query.slice(start, end);
    const equals = pair.indexOf('=');
    if (pair !== '') {
      if (equals < 0) params.set(decode(pair), '');
      else params.set(decode(pair.slice(0, equals)), decode(pair.slice(equals + 1)));
    }
    start = end + 1;
  }
}

/** A `+` stays one: tokens are base64 more often than they are form fields. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function parseAuthority(text: string): { host: string; port: number | undefined } | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+))(?::([0-9]{0,5}))?$/i.exec(text);
  if (match === null) return undefined;
  const host = match[1] ?? match[2] ?? '';
  const digits = match[3] ?? '';
  if (digits === '') return { host, port: undefined };
  const port = Number(digits);
  return port >= 1 && port <= 0xffff ? { host, port } : undefined;
}

function trimSlashes(path: string): string {
  let start = 0;
  let end = path.length;
  while (start < end && path[start] === '/') start += 1;
  while (end > start && path[end - 1] === '/') end -= 1;
  return path.slice(start, end);
}
