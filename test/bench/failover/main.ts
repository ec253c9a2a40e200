// The entry of the failover figures: see docs/benchmarks.md.
import { writeFileSync } from 'node:fs';
import os from 'node:os';
import { runDeferred } from '../../support/cleanup.ts';
import { runProgram } from '../run-program.ts';
import { say } from '../run-rounds.ts';
import { describeMachine } from '../measure/machine.ts';
import { figuresOfSwitches, runBackupSwitches } from './backup-switches.ts';
import { parseFailoverOptions, USAGE, type FailoverOptions } from './failover-options.ts';
import { renderFigures, type Figure } from './figures.ts';
import { manyStreamsFigures, renderManyStreams, runManyStreams } from './many-streams.ts';
import { figuresOf, runOutages } from './outages.ts';
import { figuresOfCuts, runRelayCuts } from './relay-cuts.ts';
import { isClean, renderTally } from './tally.ts';

/** What a section adds to the report. */
interface Section {
  readonly figures: readonly Figure[];
  readonly text: string;
  /** False when viewers saw what they must not. */
  readonly isClean: boolean;
  readonly record: unknown;
}

function sectionsOf(options: FailoverOptions): (() => Promise<Section>)[] {
  const { kills, freezes, backups, cuts, streams, publisherTimeoutMs } = options;
  const sections: (() => Promise<Section>)[] = [];
  for (const [kind, rounds] of [
    ['crash', kills],
    ['freeze', freezes],
  ] as const) {
    if (rounds === 0) continue;
    sections.push(async () => {
      const report = await runOutages({ kind, rounds, publisherTimeoutMs, progress: say });
      const text = renderTally(kind, report.tally);
      return { figures: figuresOf(report), text, isClean: isClean(report.tally), record: report };
    });
  }
  for (const kind of ['crash', 'freeze'] as const) {
    if (backups === 0) continue;
    sections.push(async () => {
      const report = await runBackupSwitches({ kind, rounds: backups, progress: say });
      const text = renderTally(`backup, ${kind}`, report.tally);
      return { figures: figuresOfSwitches(report), text, isClean: isClean(report.tally), record: report };
    });
  }
  if (cuts > 0) {
    sections.push(async () => {
      const report = await runRelayCuts(cuts);
      const { connections, frames, tally } = report;
      const title = `relay cut, ${String(connections)} connections in ${String(cuts)} cuts, ${String(frames)} frames`;
      const text = renderTally(title, tally);
      return { figures: figuresOfCuts(report), text, isClean: isClean(tally), record: report };
    });
  }
  if (streams > 0) {
    sections.push(async () => {
      const report = await runManyStreams({ streams, progress: say });
      const text = renderManyStreams(report);
      const isQuiet = report.viewerDisconnects === 0;
      return { figures: manyStreamsFigures(report), text, isClean: isQuiet, record: report };
    });
  }
  return sections;
}

/** Each section has the machine for itself: what it started is gone before the next one begins. */
async function runAll(options: FailoverOptions): Promise<Section[]> {
  const sections: Section[] = [];
  for (const run of sectionsOf(options)) {
    try {
      sections.push(await run());
    } finally {
      await runDeferred();
    }
  }
  return sections;
}

function loadOf(): string {
  return os
    .loadavg()
    .map((load) => load.toFixed(1))
    .join(' ');
}

async function main(): Promise<void> {
  const options = parseFailoverOptions(process.argv.slice(2));
  if (options === undefined) {
    say(USAGE);
    return;
  }
  const loadBefore = loadOf();
  const sections = await runAll(options);
  const machine = describeMachine();
  const loads = `load before ${loadBefore}, after ${loadOf()}`;
  const text = [
    Object.entries({ ...machine, loads })
      .map(([name, value]) => `${name}: ${value}`)
      .join(', '),
    renderFigures(sections.flatMap(({ figures }) => figures)),
    ...sections.map((section) => section.text),
  ];
  process.stdout.write(`${text.join('\n\n')}\n`);
  if (options.jsonFile !== undefined) {
    const records = sections.map(({ record }) => record);
    const all = { date: new Date().toISOString(), machine, loads, options, sections: records };
    const plain = (_key: string, value: unknown): unknown =>
      value instanceof Map ? Object.fromEntries(value as Map<string, unknown>) : value;
    writeFileSync(options.jsonFile, `${JSON.stringify(all, plain, 2)}\n`);
  }
  if (sections.some((section) => !section.isClean)) process.exitCode = 1;
}

runProgram(main);
