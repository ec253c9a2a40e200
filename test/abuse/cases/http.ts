import type { AbuseCase } from '../abuse-case.ts';
import { type Attack, goodStreamName } from '../attack.ts';
import type { Address, RawConnection } from '../raw-connection.ts';

const slackMs = 2000;

/** Requests that ask for what must not be had, or that two parsers would read differently. Each with the allowed statuses. */
const hostileRequests: Readonly<Record<string, string>> = {
  'a path that climbs': 'GET /../../../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n',
  'an escaped path that climbs': 'GET /live/%2e%2e%2f%2e%2e%2fetc%2fpasswd.flv HTTP/1.1\r\nHost: a\r\n\r\n',
  'an escaped NUL': 'GET /live/%00.flv HTTP/1.1\r\nHost: a\r\n\r\n',
  'a broken escape': 'GET /live/%zz.flv HTTP/1.1\r\nHost: a\r\n\r\n',
  'an escape of no UTF-8': 'GET /live/%ff%fe.flv HTTP/1.1\r\nHost: a\r\n\r\n',
  'a name with spaces': 'GET /live/a%20b.flv HTTP/1.1\r\nHost: a\r\n\r\n',
  'no app': 'GET /.flv HTTP/1.1\r\nHost: a\r\n\r\n',
  'an absolute URL of another host': 'GET http://[::1:99/live/x.flv HTTP/1.1\r\nHost: a\r\n\r\n',
  'a URL of 64 KB': `GET /live/${'u'.repeat(65_536)}.flv HTTP/1.1\r\nHost: a\r\n\r\n`,
  'a header of 1 MB': `GET /live/x.flv HTTP/1.1\r\nHost: a\r\nX-Big: ${'h'.repeat(1024 * 1024)}\r\n\r\n`,
  '10,000 headers': `GET /live/x.flv HTTP/1.1\r\nHost: a\r\n${'X-Many: y\r\n'.repeat(10_000)}\r\n`,
  'both lengths':
    'POST /live/x.flv HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /',
  'two lengths':
    'POST /live/x.flv HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 9\r\n\r\nhello',
  'a chunk of a negative size':
    'POST /live/x.flv HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n',
  'a header with a line end in its name': 'GET /live/x.flv HTTP/1.1\r\nHost: a\r\nX\nY: z\r\n\r\n',
  'an unknown method': 'BREW /live/x.flv HTTP/1.1\r\nHost: a\r\n\r\n',
  TLS: '\u0016\u0003\u0001\u0000\u0005hello',
  noise: '\u0000\u0001\u0002\u0003 \u0007\r\n\r\n',
};

/** Attacks on the HTTP listeners. */
export const httpCases: readonly AbuseCase[] = [
  {
    number: 50,
    title: 'HTTP requests that climb, break escapes, smuggle or are huge get a 4xx answer or none',
    expect: { needs: ['http'] },
    run: async (attack) => {
      const listeners = [attack.target.http, attack.target.admin].filter((one) => one !== undefined);
      const inputs = listeners.flatMap((listener) =>
        Object.entries(hostileRequests).map(([what, request]) => ({ listener, what, request })),
      );
      await attack.each(inputs, async (input) => checkRefused(attack, input), 4);
    },
  },
  {
    number: 52,
    title: 'HTTP headers that trickle in are closed at their deadline',
    expect: { needs: ['http'] },
    run: async (attack) => {
      await Promise.all((['http', 'admin'] as const).map(async (listener) => trickle(attack, listener)));
    },
  },
  {
    number: 53,
    title: '300 HTTP-FLV viewers that connect and reset leave nothing behind',
    expect: { needs: ['http'] },
    run: async (attack) => {
      const turns = Array.from({ length: 300 }, (_, turn) => turn);
      await attack.each(
        turns,
        async (turn) => {
          const connection = await attack.open(attack.target.http);
          const name = turn % 3 === 0 ? 'never-there' : goodStreamName;
          await connection.send(get(`/${attack.target.app}/${name}.flv`));
          await connection.closedWithin(turn % 30);
          connection.reset();
        },
        20,
      );
    },
  },
];

/** A plain GET request. */
export function get(path: string): Buffer {
  return Buffer.from(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
}

/** The status of the first answer on a connection; undefined when there is none. */
export function statusOf(connection: RawConnection): number | undefined {
  const match = /^HTTP\/1\.1 (\d{3})/.exec(connection.head.toString('latin1'));
  return match === null ? undefined : Number(match[1]);
}

async function checkRefused(
  attack: Attack,
  input: { listener: Address; what: string; request: string },
): Promise<void> {
  const connection = await attack.open(input.listener);
  void connection.send(Buffer.from(input.request, 'latin1'));
  const deadline = performance.now() + 5000;
  while (statusOf(connection) === undefined && performance.now() < deadline) {
    if (await connection.closedWithin(20)) break;
  }
  const status = statusOf(connection);
  attack.check(status !== undefined || connection.isClosed, `${input.what}: no answer within 5 s`);
  attack.check(
    status === undefined || (status >= 400 && status < 500),
    `${input.what}: answered ${status ?? 0}`,
  );
  attack.check(!connection.head.includes('root:'), `${input.what}: a file was sent`);
  connection.reset();
}

async function trickle(attack: Attack, listener: 'http' | 'admin'): Promise<void> {
  const address = attack.target[listener];
  if (address === undefined) return;
  const connection = await attack.open(address);
  await connection.send(Buffer.from('GET /live/good.flv HTTP/1.1\r\nHost: a\r\n'));
  const { httpHeadersMs, adminHeadersMs } = attack.target.bounds;
  const boundMs = listener === 'http' ? httpHeadersMs : adminHeadersMs;
  const deadline = performance.now() + boundMs + slackMs;
  for (let sent = 0; performance.now() < deadline && !connection.isClosed; sent += 1) {
    void connection.send(Buffer.from(`X-${sent}: a\r\n`));
    await connection.closedWithin(200);
  }
  attack.check(connection.isClosed, `headers that trickle in to the ${listener} port extend the deadline`);
}
