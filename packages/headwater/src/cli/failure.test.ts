import { AppError } from '@headwater/contracts';
import { describe, expect, it } from 'vitest';
import { ServiceStartError } from '../service.ts';
import { WorkerStartError } from '../workers/crew.ts';
import { CliError, failureOf } from './failure.ts';

describe('failureOf', () => {
  it('gives the exit code and the words of an expected failure', () => {
    expect(failureOf(new CliError(64, 'wrong'))).toEqual({ exitCode: 64, text: 'wrong' });
  });

  it('explains an address in use also when only the cause names it', () => {
    const cause = new Error('No address added: [listen EADDRINUSE: address already in use 127.0.0.1:1]');
    const error = new AppError('address_unusable', { details: { address: '127.0.0.1:1' }, cause });
    const { exitCode, text } = failureOf(new ServiceStartError('relay', error));
    expect(exitCode).toBe(69);
    expect(text).toContain('relay: cannot listen on 127.0.0.1:1: the port is in use\n');
    expect(text).toContain('--set relay.port=PORT, or the environment variable HEADWATER_RELAY_PORT');
  });

  it('says of a worker that could not start what it said itself', () => {
    const failure = { exitCode: 69, text: 'relay: cannot listen' } as const;
    expect(failureOf(new ServiceStartError('origins', new WorkerStartError(failure)))).toEqual(failure);
  });

  it('shows where a fault of ours comes from', () => {
    const { exitCode, text } = failureOf(new ServiceStartError('rtmp', new TypeError('x is not a function')));
    expect(exitCode).toBe(1);
    expect(text).toContain('caused by TypeError: x is not a function');
  });
});
