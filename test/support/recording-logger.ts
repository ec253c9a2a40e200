import type { LogFields, Logger } from '@headwater/contracts';

/** One line that was logged. */
export interface LoggedLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: LogFields;
}

/** A logger whose lines a test can read. */
export function recordingLogger(lines: LoggedLine[]): Logger {
  const at =
    (level: LoggedLine['level']) =>
    (fields: LogFields, message: string): void => {
      lines.push({ level, message, fields });
    };
  const logger: Logger = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => logger,
  };
  return logger;
}
