// How the program ends when it cannot do what it was told: what to print on standard error, and the exit code.
import { AppError, configKey, ConfigError, configProblemText } from '@headwater/contracts';
import { exitCode, type ExitCode } from '../exit-code.ts';
import { unusableReason } from '../listen.ts';
import { NodeIdTaken } from '../roles/namesake.ts';
import { ServiceStartError } from '../service.ts';
import { WorkerStartError } from '../workers/crew.ts';

/** Ends the program with a message and an exit code. */
export class CliError extends Error {
  readonly exitCode: ExitCode;

  constructor(code: ExitCode, message: string) {
    super(message);
    this.name = 'CliError';
    this.exitCode = code;
  }
}

/** An end with its explanation. */
export interface Failure {
  readonly exitCode: ExitCode;
  readonly text: string;
}

/** What to say about anything thrown. What is no expected failure is shown with its stack: it is a fault of ours. */
export function failureOf(caught: unknown): Failure {
  if (caught instanceof CliError) return { exitCode: caught.exitCode, text: caught.message };
  if (caught instanceof ConfigError) return configFailure(caught);
  if (caught instanceof ServiceStartError && isUnusableAddress(caught.cause)) {
    return addressFailure(caught.service, caught.cause);
  }
  // It has its explanation from the same place.
  if (caught instanceof ServiceStartError && caught.cause instanceof WorkerStartError) {
    return caught.cause.failure;
  }
  if (caught instanceof ServiceStartError && caught.cause instanceof NodeIdTaken) {
    return takenIdFailure(caught.cause);
  }
  return { exitCode: exitCode.fault, text: stackOf(caught) };
}

function configFailure(error: ConfigError): Failure {
  const lines = error.problems.map((problem) => `  ${configProblemText(problem)}`);
  return { exitCode: exitCode.config, text: ['the configuration is not valid', ...lines].join('\n') };
}

function isUnusableAddress(cause: unknown): cause is AppError {
  return cause instanceof AppError && cause.code === 'address_unusable';
}

function addressFailure(service: string, error: AppError): Failure {
  const { address = 'its address', reason } = error.details;
  const why = reason ?? unusableReason(error.cause instanceof Error ? error.cause : error);
  const lines = [`${service}: cannot listen on ${String(address)}: ${String(why)}`];
  const key = configKey(`${service}.port`);
  if (key !== undefined) {
    lines.push(`  choose another port with ${key.path} in the configuration file,`);
    lines.push(`  --set ${key.path}=PORT, or the environment variable ${key.envName}`);
  }
  return { exitCode: exitCode.unavailable, text: lines.join('\n') };
}

function takenIdFailure({ nodeId, admin }: NodeIdTaken): Failure {
  const lines = [
    `the node id ${nodeId} is in use: another process runs under it, its admin API at ${admin}`,
    '  stop that one first, or choose another id with node.id in the configuration file,',
    '  --set node.id=ID, or the environment variable HEADWATER_NODE_ID',
  ];
  return { exitCode: exitCode.unavailable, text: lines.join('\n') };
}

function stackOf(caught: unknown): string {
  if (!(caught instanceof Error)) return String(caught);
  const own = caught.stack ?? caught.message;
  return caught.cause === undefined ? own : `${own}\ncaused by ${stackOf(caught.cause)}`;
}
