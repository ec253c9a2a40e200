// The files of a built page, all in memory: a request is a look-up among known names, so no path can leave the folder.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.woff2': 'font/woff2',
};

const compressible = /^(text|application)\/|svg/;
const minCompressedBytes = 1024;

// The page runs its own scripts only. mpegts.js plays from object URLs and works in a worker made of one; streams may
// be on other nodes.
const securityHeaders = {
  'Content-Security-Policy': [
    "default-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "media-src 'self' blob:",
    "worker-src 'self' blob:",
    'connect-src http: https: ws: wss:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
};

interface StaticFile {
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string>>;
  compressed?: Buffer;
}

/** Serves the files below one folder. */
export class StaticFolder {
  readonly #files = new Map<string, StaticFile>();

  /** Reads everything at once. Throws when the folder is not there. */
  constructor(folder: string) {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const file = join(entry.parentPath, entry.name);
      this.#add(file.slice(folder.length).replaceAll('\\', '/'), readFileSync(file));
    }
  }

  /** Answers a request for one of the files, `/` being `index.html`; false for every other path. */
  answer(request: IncomingMessage, response: ServerResponse): boolean {
    const [path = ''] = (request.url ?? '').split('?', 1);
    const file = this.#files.get(path === '/' ? '/index.html' : path);
    if (file === undefined) return false;
    const { method } = request;
    if (method !== 'GET' && method !== 'HEAD') {
      response.writeHead(405, { Allow: 'GET, HEAD', 'Content-Length': 0 }).end();
      return true;
    }
    if (request.headers['if-none-match'] === file.headers['ETag']) {
      response.writeHead(304, file.headers).end();
      return true;
    }
    const compressed = acceptsGzip(request) ? file.compressed : undefined;
    const body = compressed ?? file.body;
    response.writeHead(200, {
      ...file.headers,
      ...(compressed === undefined ? {} : { 'Content-Encoding': 'gzip' }),
      'Content-Length': body.length,
    });
    response.end(method === 'HEAD' ? undefined : body);
    return true;
  }

  #add(path: string, body: Buffer): void {
    const type = types[extname(path)] ?? 'application/octet-stream';
    const digest = createHash('sha256').update(body).digest('base64url').slice(0, 22);
    // The build puts a hash of the content into the names below assets/.
    const isHashed = path.startsWith('/assets/');
    const file: StaticFile = {
      body,
      headers: {
        'Content-Type': type,
        'Cache-Control': isHashed ? 'public, max-age=31536000, immutable' : 'no-cache',
        ETag: `"${digest}"`,
        Vary: 'Accept-Encoding',
        ...securityHeaders,
      },
    };
    this.#files.set(path, file);
    if (body.length < minCompressedBytes || !compressible.test(type)) return;
    void promisify(gzip)(body, { level: 9 }).then((compressed) => {
      file.compressed = compressed;
    });
  }
}

function acceptsGzip(request: IncomingMessage): boolean {
  const accepted = request.headers['accept-encoding'];
  return typeof accepted === 'string' && /\bgzip\b(?!\s*;\s*q=0(\.0*)?(,|$))/.test(accepted);
}
