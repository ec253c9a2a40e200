import { connect } from 'node:net';
import type { RtmpTarget } from '@headwater/rtmp';
import { CliError } from '../cli/failure.ts';
import { exitCode } from '../exit-code.ts';

const connectTimeoutMs = 5000;

/** A clear word when nothing listens, instead of what each way of publishing would say. */
export async function expectListening({ host, port }: RtmpTarget): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const fail = (reason: string): void => {
      socket.destroy();
      const message = `cannot reach ${host}:${port} (${reason}): is Headwater running? Start it with: headwater all`;
      reject(new CliError(exitCode.unavailable, message));
    };
    const socket = connect({ host, port, timeout: connectTimeoutMs }, () => {
      socket.destroy();
      resolve();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
    socket.on('timeout', () => fail('no answer'));
  });
}
