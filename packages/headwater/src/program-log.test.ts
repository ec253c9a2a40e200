import { describe, expect, it } from 'vitest';
import { openProgramLog, type ProgramLog } from './program-log.ts';

async function logInto(
  lines: Record<string, unknown>[],
  level: 'info' | 'error' = 'info',
): Promise<ProgramLog> {
  const destination = {
    write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>),
    drained: async () => undefined,
  };
  return openProgramLog({ level, format: 'json', destination, fields: { nodeId: 'n1' } });
}

describe('openProgramLog', () => {
  it('writes JSON lines with the fields of every child and the level by name', async () => {
    const lines: Record<string, unknown>[] = [];
    const log = await logInto(lines);
    log.child({ role: 'edge' }).warn({ stream: 'live/a' }, 'viewer is slow');
    log.debug({}, 'not written');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({
      level: 'warn',
      nodeId: 'n1',
      role: 'edge',
      stream: 'live/a',
      msg: 'viewer is slow',
    });
  });

  it('hides secrets in fields, in the fields of a child, and in errors', async () => {
    const lines: Record<string, unknown>[] = [];
    const log = await logInto(lines);
    log.child({ url: '/a?token=abc' }).error({ err: new Error('no ?token=abc'), token: 'abc' }, 'failed');
    expect(JSON.stringify(lines)).not.toContain('abc');
    expect(lines[0]).toMatchObject({ err: { type: 'Error', message: 'no ?token=***' } });
  });

  it('announces whatever the level', async () => {
    const lines: Record<string, unknown>[] = [];
    const log = await logInto(lines, 'error');
    log.info({}, 'not written');
    log.announce({ pid: 1 }, 'node is ready');
    expect(lines.map((line) => line['msg'])).toEqual(['node is ready']);
  });
});
