// What every `UpstreamReports` must do: the twins, in memory and in Redis, pass one and the same suite.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { UpstreamReport, UpstreamReports } from '../upstream-reports.ts';
import { pollUntil } from './registry-harness.ts';

/** Reports under test. */
export interface UpstreamReportsHarness {
  /** A client of the store; another one at each call where there can be several. */
  reports(): UpstreamReports;
  close(): Promise<void>;
}

function reportOf(reporter: string): UpstreamReport {
  return { node: { nodeId: 'origin-1', incarnation: 'run 1' }, loss: 'broken', reporter };
}

/** Watches, and returns once the watch is known to hear; what it heard until then is left out. */
async function hear(reports: UpstreamReports, by: UpstreamReports = reports): Promise<UpstreamReport[]> {
  const heard: UpstreamReport[] = [];
  let isHearing = false;
  reports.watch((report) => {
    isHearing = true;
    if (report.reporter !== 'marker') heard.push(report);
  });
  await pollUntil('the watch to hear', async () => {
    await by.report(reportOf('marker'));
    return isHearing;
  });
  return heard;
}

/** Declares the suite for one implementation. */
export function upstreamReportsConformance(
  name: string,
  makeHarness: () => Promise<UpstreamReportsHarness>,
): void {
  describe(`${name} as the way of upstream reports`, () => {
    let harness: UpstreamReportsHarness;

    beforeEach(async () => {
      harness = await makeHarness();
    });

    afterEach(async () => {
      await harness.close();
    });

    it('tells every watcher, in order, whichever client reports', async () => {
      const reporting = harness.reports();
      const first = await hear(harness.reports(), reporting);
      const second = await hear(harness.reports(), reporting);
      for (const reporter of ['e1', 'e2', 'e3']) await reporting.report(reportOf(reporter));
      const expected = ['e1', 'e2', 'e3'].map(reportOf);
      await pollUntil('both to hear', () => first.length >= 3 && second.length >= 3);
      expect([first, second]).toEqual([expected, expected]);
    });

    it('passes on every field', async () => {
      const reports = harness.reports();
      const heard = await hear(reports);
      const stalled: UpstreamReport = {
        node: { nodeId: 'origin "2"', incarnation: 'é' },
        loss: 'stalled',
        reporter: 'e1',
      };
      await reports.report(stalled);
      await pollUntil('it to be heard', () => heard.length > 0);
      expect(heard).toEqual([stalled]);
    });

    it('tells a closed watch nothing, and closing twice does nothing', async () => {
      const reports = harness.reports();
      let calls = 0;
      const watch = reports.watch(() => calls++);
      watch.close();
      watch.close();
      const heard = await hear(reports);
      await reports.report(reportOf('e1'));
      await pollUntil('the other watch to hear', () => heard.length > 0);
      expect(calls).toBe(0);
    });

    it('does not make a report wait for its listeners', async () => {
      const reports = harness.reports();
      let isReported = false;
      const order: boolean[] = [];
      reports.watch(() => order.push(isReported));
      await hear(reports);
      order.length = 0;
      const sent = reports.report(reportOf('e1'));
      isReported = true;
      await sent;
      await pollUntil('it to be heard', () => order.length > 0);
      expect(order.every(Boolean)).toBe(true);
    });

    it('rejects reports once it is closed, and closing twice does nothing', async () => {
      const reports = harness.reports();
      await reports.close();
      await reports.close();
      await expect(reports.report(reportOf('e1'))).rejects.toMatchObject({ code: 'registry_unavailable' });
    });
  });
}
