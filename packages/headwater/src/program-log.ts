// The one root of the log: JSON lines on standard output, or readable lines on a terminal.
import type { LogFields, Logger } from '@headwater/contracts';
import { pino, type Logger as PinoLogger } from 'pino';
import { LogOutput } from './log-output.ts';
import { redactFields } from './redact.ts';

/** How long the last lines may take to leave. */
const drainMs = 500;

/** Where lines go. */
export type LogDestination = Pick<LogOutput, 'write' | 'drained'>;

/** How the log is written. */
export interface ProgramLogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly format: 'auto' | 'json' | 'pretty';
  /** Where to write instead of standard output. */
  readonly destination?: LogDestination;
  /** On every line. */
  readonly fields?: LogFields;
}

/** The log of the program, with what only the program itself needs beside the `Logger` port. */
export interface ProgramLog extends Logger {
  /** A line that is written whatever the level: the ready line that tools wait for. */
  announce(fields: LogFields, message: string): void;
  /** The process is about to end because of a fault of ours. */
  fatal(fields: LogFields, message: string): void;
  /** Text for a person, between the lines of the log. */
  print(text: string): void;
  /** Resolves when all lines are written, or soon when nobody reads them. */
  drained(): Promise<void>;
}

/** Starts the log. */
export async function openProgramLog(options: ProgramLogOptions): Promise<ProgramLog> {
  const destination = options.destination ?? new LogOutput(1);
  const isPretty = options.format === 'pretty' || (options.format === 'auto' && process.stdout.isTTY);
  const prettify = isPretty ? await prettifier() : (line: string) => line;
  const root = pino(
    {
      level: options.level,
      base: { ...options.fields },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: redactFields },
      // Errors are made plain by the redaction, together with everything else.
      serializers: { err: (error: unknown) => error },
    },
    { write: (line) => destination.write(prettify(line)) },
  );
  return new PinoLog(root, destination);
}

class PinoLog implements ProgramLog {
  readonly #log: PinoLogger;
  readonly #destination: LogDestination;

  constructor(log: PinoLogger, destination: LogDestination) {
    this.#log = log;
    this.#destination = destination;
  }

  debug(fields: LogFields, message: string): void {
    this.#log.debug(fields, message);
  }

  info(fields: LogFields, message: string): void {
    this.#log.info(fields, message);
  }

  warn(fields: LogFields, message: string): void {
    this.#log.warn(fields, message);
  }

  error(fields: LogFields, message: string): void {
    this.#log.error(fields, message);
  }

  child(fields: LogFields): Logger {
    return new PinoLog(this.#log.child(redactFields(fields)), this.#destination);
  }

  announce(fields: LogFields, message: string): void {
    this.#log.child({}, { level: 'info' }).info(fields, message);
  }

  fatal(fields: LogFields, message: string): void {
    this.#log.fatal(fields, message);
  }

  print(text: string): void {
    this.#destination.write(text);
  }

  async drained(): Promise<void> {
    await this.#destination.drained(drainMs);
  }
}

async function prettifier(): Promise<(line: string) => string> {
  const { prettyFactory } = await import('pino-pretty');
  return prettyFactory({
    colorize: process.stdout.isTTY,
    singleLine: true,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'nodeId',
  });
}
