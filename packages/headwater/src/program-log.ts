// The one root of the log: JSON lines on standard output, or readable lines on a terminal.
import type { LogFields, Logger } from '@headwater/contracts';
import { pino, type DestinationStream, type Logger as PinoLogger } from 'pino';
import { redactFields } from './redact.ts';

/** How the log is written. */
export interface ProgramLogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly format: 'auto' | 'json' | 'pretty';
  /** Where to write instead of standard output. */
  readonly destination?: DestinationStream;
  /** On every line. */
  readonly fields?: LogFields;
}

/** The log of the program, with what only the program itself needs beside the `Logger` port. */
export interface ProgramLog extends Logger {
  /** A line that is written whatever the level: the ready line that tools wait for. */
  announce(fields: LogFields, message: string): void;
  /** The process is about to end because of a fault of ours. */
  fatal(fields: LogFields, message: string): void;
  /** Writes out what is still in memory. */
  flush(): void;
}

/** Starts the log. */
export async function openProgramLog(options: ProgramLogOptions): Promise<ProgramLog> {
  const isPretty = options.format === 'pretty' || (options.format === 'auto' && process.stdout.isTTY);
  const output =
    options.destination ?? (isPretty ? await prettyOutput() : pino.destination({ dest: 1, sync: false }));
  const root = pino(
    {
      level: options.level,
      base: { ...options.fields },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: redactFields },
      // Errors are made plain by the redaction, together with everything else.
      serializers: { err: (error: unknown) => error },
    },
    output,
  );
  return new PinoLog(root, output);
}

class PinoLog implements ProgramLog {
  readonly #log: PinoLogger;
  readonly #output: DestinationStream;

  constructor(log: PinoLogger, output: DestinationStream) {
    this.#log = log;
    this.#output = output;
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
    return new PinoLog(this.#log.child(redactFields(fields)), this.#output);
  }

  announce(fields: LogFields, message: string): void {
    this.#log.child({}, { level: 'info' }).info(fields, message);
  }

  fatal(fields: LogFields, message: string): void {
    this.#log.fatal(fields, message);
  }

  flush(): void {
    const output = this.#output as DestinationStream & { flushSync?: () => void };
    try {
      output.flushSync?.();
    } catch {
      // The reader of our output is gone, or nothing was opened yet: there is nobody left to tell.
    }
  }
}

async function prettyOutput(): Promise<DestinationStream> {
  const { default: pretty } = await import('pino-pretty');
  return pretty({
    colorize: process.stdout.isTTY,
    sync: true,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'nodeId',
  });
}
