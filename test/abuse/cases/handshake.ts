import type { AbuseCase } from '../abuse-case.ts';
import { atOnceMs, type Attack } from '../attack.ts';
import { openDescriptors } from '../process-watch.ts';
import { elapsed, type RawConnection } from '../raw-connection.ts';
import { amf, commandPayload, message, messageType } from '../rtmp-bytes.ts';
import { c0c1, c2, connectObject } from '../rtmp-peer.ts';

const slackMs = 2000;

/** A TLS 1.2 ClientHello's beginning, an HTTP request, an SSH greeting, and noise: none begins like RTMP. */
const otherProtocols: Readonly<Record<string, Buffer>> = {
  http: Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
  tls: Buffer.from('16030100c8010000c40303', 'hex'),
  ssh: Buffer.from('SSH-2.0-OpenSSH_9.2\r\n'),
  noise: Buffer.from('fffefdfc80706050', 'hex'),
};

/** Where a client may go away: bytes sent so far of C0, C1, C2 and the beginning of connect. */
const stages = [0, 1, 501, 1537, 1637, 3073, 3100] as const;
const wholeOpening = Buffer.concat([c0c1, c2, connectBytes()]);

/** Attacks before and around the handshake. */
export const handshakeCases: readonly AbuseCase[] = [
  {
    number: 1,
    title: 'a TCP connection that says nothing is closed at the handshake deadline',
    expect: {},
    run: async (attack) => {
      const silent = await Promise.all(Array.from({ length: 5 }, async () => attack.open()));
      const boundMs = attack.target.bounds.handshakeMs + slackMs;
      await Promise.all(silent.map(async (one) => attack.checkClosed(one, boundMs, 'silent connection')));
    },
  },
  {
    number: 2,
    title: 'a handshake of one byte each 0.2 s is closed at the handshake deadline',
    expect: {},
    run: async (attack) => {
      const connection = await attack.open();
      const deadline = performance.now() + attack.target.bounds.handshakeMs + slackMs;
      for (let sent = 0; performance.now() < deadline && !connection.isClosed; sent += 1) {
        void connection.send(c0c1.subarray(sent, sent + 1));
        await connection.closedWithin(200);
      }
      attack.check(connection.isClosed, 'bytes that trickle in extend the deadline');
    },
  },
  {
    number: 3,
    title: 'a client that stops after the handshake or after connect is closed at its deadline',
    expect: {},
    run: async (attack) => {
      const { handshakeMs, idleMs } = attack.target.bounds;
      const shaken = await attack.shake();
      const connected = await attack.connected();
      await Promise.all([
        attack.checkClosed(shaken.connection, handshakeMs + slackMs, 'silence after the handshake'),
        attack.checkClosed(connected.connection, idleMs + slackMs, 'silence after connect'),
      ]);
    },
  },
  {
    number: 4,
    title: 'HTTP, TLS, SSH and noise on the RTMP port are closed at their first bytes without an answer',
    expect: {},
    run: async (attack) => {
      await attack.each(Object.entries(otherProtocols), async ([name, bytes]) => {
        const connection = await attack.open();
        await connection.send(bytes);
        await attack.checkClosed(connection, 1000, name);
        attack.check(connection.receivedBytes === 0, `${name}: was answered`);
      });
    },
  },
  {
    number: 5,
    title: 'clients that end or reset at each stage of the handshake leave nothing behind',
    expect: {},
    run: async (attack) => {
      const turns = Array.from({ length: 200 }, (_, turn) => turn);
      await attack.each(turns, async (turn) => {
        const connection = await attack.open();
        await connection.send(wholeOpening.subarray(0, stages[turn % stages.length]));
        if (turn % 2 === 0) connection.reset();
        else connection.end();
        await connection.closedWithin(atOnceMs);
        connection.destroy();
      });
    },
  },
  {
    number: 6,
    title: '400 clients that connect and reset at once leak neither memory nor descriptors',
    expect: { memoryMiB: 64 },
    run: async (attack) => {
      const turns = Array.from({ length: 400 }, (_, turn) => turn);
      await attack.each(turns, async () => resetAfterConnect(attack), 20);
    },
  },
  {
    number: 7,
    title: 'a client that closes only one half is gone within 5 s, and so is its name',
    expect: {},
    run: async (attack) => {
      const halves: RawConnection[] = [await attack.open(), (await attack.connected()).connection];
      const publisher = await attack.publisher('half-closed');
      halves.push(publisher.connection);
      for (const half of halves) half.end();
      await Promise.all(
        halves.map(async (half, at) => attack.checkClosed(half, 5000, `half-closed client ${at}`)),
      );
      await attack.checkNamesFree(['half-closed'], 5000);
      await holdOpen(attack);
    },
  },
];

/** Makes the server end its half and never answers with the own end. */
async function holdOpen(attack: Attack): Promise<void> {
  const { pid } = attack.target;
  if (pid === undefined) return;
  const before = openDescriptors(pid) ?? 0;
  const turns = Array.from({ length: 20 }, (_, turn) => turn);
  await attack.each(turns, async () => {
    const connection = await attack.open(attack.target.rtmp, { allowHalfOpen: true });
    await connection.send(otherProtocols['http'] ?? c0c1);
  });
  const left = (): number => (openDescriptors(pid) ?? before) - before;
  const until = async (isMet: () => boolean): Promise<boolean> => {
    const deadline = performance.now() + 5000;
    while (!isMet() && performance.now() < deadline) await elapsed(20);
    return isMet();
  };
  // The kernel has taken them before the server has, which gives each some seconds to end.
  attack.check(await until(() => left() > 15), `${left()} of ${turns.length} clients came in`);
  attack.check(
    await until(() => left() <= 2),
    `${left()} clients that never end their half were still held after 5 s`,
  );
}

async function resetAfterConnect(attack: Attack): Promise<void> {
  const connection = await attack.open();
  await connection.send(wholeOpening);
  await Promise.race([connection.closed, elapsed(20)]);
  connection.reset();
}

function connectBytes(): Buffer {
  const payload = commandPayload('connect', 1, connectObject('live'), amf.null);
  return message({ type: messageType.command, payload });
}
