import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseBenchOptions } from '../bench/bench-options.ts';
import type { CellResult } from '../bench/cell-result.ts';
import { readFrameIndex, readSentUs } from '../bench/load/stamp.ts';
import { AUDIO_BYTES, GOP_FRAMES, SyntheticStream, videoBytes } from '../bench/load/synthetic-stream.ts';
import { Histogram } from '../bench/measure/histogram.ts';
import { parseCoreList } from '../bench/measure/machine.ts';
import { parseProcessStat, usageOf } from '../bench/measure/process-usage.ts';
import { renderPeersChart } from '../bench/peers-chart.ts';
import { renderPeersReport } from '../bench/peers-report.ts';
import { medianOf, renderTable } from '../bench/report.ts';
import { troubleOf } from '../bench/soak/churn-report.ts';
import { fitLine, isGrowing } from '../bench/soak/linear-fit.ts';
import { VIDEO } from '../bench/wire/media-listener.ts';

describe('Histogram', () => {
  it('keeps every quantile within 1/64 of the exact value', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(2 ** 31 - 1), { minLength: 1, maxLength: 200 }), (values) => {
        const histogram = new Histogram();
        for (const value of values) histogram.add(value);
        const sorted = values.toSorted((left, right) => left - right);
        for (const share of [0.01, 0.5, 0.99, 1]) {
          const exact = (sorted[Math.max(1, Math.ceil(share * values.length)) - 1] ?? 0) / 1000;
          expect(Math.abs(histogram.quantileMs(share) - exact)).toBeLessThanOrEqual(exact / 64);
        }
      }),
    );
  });

  it('merges the counts of another process and starts anew when cleared', () => {
    const other = new Histogram();
    other.add(1000);
    other.add(3000);
    const histogram = new Histogram();
    histogram.add(2000);
    histogram.merge(other.counts());
    expect(histogram.total).toBe(3);
    expect(histogram.quantileMs(0.5)).toBeCloseTo(2, 1);
    histogram.clear();
    expect(histogram.quantileMs(0.5)).toBeNaN();
  });

  it('takes values outside its range as its ends', () => {
    const histogram = new Histogram();
    histogram.add(-5);
    histogram.add(1e12);
    expect(histogram.quantileMs(0)).toBe(0);
    expect(histogram.quantileMs(1)).toBeGreaterThan(2_000_000);
  });
});

describe('SyntheticStream', () => {
  it('stamps each video frame with its number and its time, in frames of the announced size', () => {
    const stream = new SyntheticStream('1m');
    let videoFrames = 0;
    let totalBytes = 0;
    while (stream.dueMs < 10_000) {
      const sentUs = 2 ** 45 + Math.round(stream.dueMs * 1000);
      const { type, payload } = stream.next(sentUs);
      totalBytes += payload.length;
      if (type !== VIDEO) {
        expect(payload.length).toBe(AUDIO_BYTES);
        continue;
      }
      expect(readSentUs(payload)).toBe(sentUs);
      expect(readFrameIndex(payload)).toBe(videoFrames);
      expect(payload.length).toBe(videoBytes('1m', videoFrames));
      expect(payload[0]).toBe(videoFrames % GOP_FRAMES === 0 ? 0x17 : 0x27);
      videoFrames += 1;
    }
    expect(videoFrames).toBe(250);
    expect((totalBytes * 8) / 10).toBeCloseTo(1_081_000, -4);
  });

  it('is a sequence of whole NAL units without a start code in them', () => {
    const stream = new SyntheticStream('1m');
    const { payload } = stream.next(123_456_789);
    const types: number[] = [];
    let at = 5;
    while (at < payload.length) {
      const lengthBytes = payload.readUInt32BE(at);
      types.push(payload.readUInt8(at + 4) & 0x1f);
      expect(payload.subarray(at + 4, at + 4 + lengthBytes).includes(Buffer.from([0, 0]))).toBe(false);
      at += 4 + lengthBytes;
    }
    expect(at).toBe(payload.length);
    expect(types).toEqual([6, 5]);
  });
});

describe('process figures', () => {
  it('reads the stat line of a process whose name holds spaces and parentheses', () => {
    const line =
      '42 (a) b (c) S 7 42 42 0 -1 4194560 1 2 3 4 150 25 0 0 20 0 11 0 100 1 2 18446744073709551615';
    expect(parseProcessStat(line)).toEqual({ parentPid: 7, userTicks: 150, systemTicks: 25 });
  });

  it('agrees with what this process knows of itself', () => {
    const usage = usageOf(process.pid);
    const own = process.cpuUsage();
    expect(usage.userSeconds).toBeLessThanOrEqual(own.user / 1e6 + 1);
    expect(usage.userSeconds + usage.systemSeconds).toBeGreaterThan(0);
    expect(usage.residentBytes).toBeGreaterThan(10e6);
  });

  it('fails for a process that is not there', () => {
    expect(() => usageOf(2 ** 30)).toThrow('is gone');
  });

  it('reads lists of cores', () => {
    expect(parseCoreList('0-2,5\n')).toEqual([0, 1, 2, 5]);
  });
});

describe('report', () => {
  it('takes the mean of the two middle values as the median of an even number', () => {
    expect(medianOf([4, 1, 3])).toBe(3);
    expect(medianOf([4, 1, 2, 3])).toBe(2.5);
    expect(medianOf([])).toBeNaN();
  });

  it('aligns columns', () => {
    expect(
      renderTable([
        ['a', 'bb'],
        ['ccc', 'd'],
      ]),
    ).toBe('| a   | bb |\n| --- | -- |\n| ccc | d  |');
  });
});

describe('a line through samples of memory', () => {
  const saw = Array.from({ length: 300 }, (_, index) => 100 + (index % 10));

  it('is found with its growth and its noise', () => {
    const { growth, mean, noise } = fitLine([1, 3, 5, 7]);
    expect([growth, mean, noise].map((value) => Math.round(value * 1e6) / 1e6)).toEqual([6, 4, 0]);
    expect(fitLine([1, 2]).growth).toBeNaN();
  });

  it('grows when it rises by more than its ups and downs', () => {
    expect(isGrowing(fitLine(saw))).toBe(false);
    expect(isGrowing(fitLine(saw.map((value, index) => value + index / 100)))).toBe(false);
    expect(isGrowing(fitLine(saw.map((value, index) => value + index / 20)))).toBe(true);
    expect(isGrowing(fitLine(saw.map((value, index) => value - index / 20)))).toBe(false);
  });

  it('says nothing when viewers could not watch', () => {
    const all = { joined: 200, failed: 0, disconnects: 0 };
    expect(troubleOf(all)).toBeUndefined();
    expect(troubleOf({ ...all, joined: 0 })).toBe('nobody could watch');
    expect(troubleOf({ ...all, failed: 2 })).toContain('2 viewers could not join');
    expect(troubleOf({ ...all, disconnects: 3 })).toContain('3 were disconnected');
  });
});

describe('a report of peers', () => {
  const run = (
    server: string,
    latencyClass: CellResult['latencyClass'],
    cpuSecondsPerGb: number,
  ): CellResult => ({
    ...sampleResult,
    server,
    latencyClass,
    cpuSecondsPerGb,
  });
  const results = [
    run('headwater-350', '350 ms', 0.6),
    run('headwater-350', '350 ms', 0.8),
    run('srs', '350 ms', 1.4),
    run('slow-peer', '350 ms', 3),
    run('floor-350', '350 ms', 0.2),
    run('nginx-rtmp', 'each frame', 0.1),
  ];

  it('compares with the best peer that gathers frames for as long, and with no other', () => {
    const report = renderPeersReport(results);
    expect(report).toContain('1000 viewers of 1m, rtmp, 350 ms\n');
    expect(report).toContain('1000 viewers of 1m, rtmp, each frame\n');
    expect(report).toMatch(/\| headwater-350 +\| 0\.70 \(×0\.50\)/);
    expect(report).toContain('lie 29 % apart (median), 29 % at most');
    // A server that is not Node has no event loop.
    expect(report).not.toContain('NaN');
  });

  it('is drawn with one bar for each server', () => {
    const chart = renderPeersChart(results);
    expect(chart.match(/<rect x=/g)).toHaveLength(5);
  });
});

describe('options', () => {
  it('are refused with the value and what was expected', () => {
    expect(() => parseBenchOptions(['--viewers', '0'])).toThrow('--viewers: "0" is no whole number above 0');
    expect(() => parseBenchOptions(['--formats', 'hls'])).toThrow('"hls" is neither rtmp nor flv');
    expect(() => parseBenchOptions(['--unknown'])).toThrow("Unknown option '--unknown'");
  });

  it('are all named in the usage and in the document', () => {
    const document = readFileSync(new URL('../../docs/benchmarks.md', import.meta.url), 'utf8');
    for (const name of ['servers', 'formats', 'viewers', 'seconds', 'joins', 'pairs', 'generators', 'json']) {
      expect(document).toContain(`--${name}`);
    }
  });
});

const sampleResult: CellResult = {
  server: '',
  latencyClass: '350 ms',
  format: 'rtmp',
  rate: '1m',
  viewers: 1000,
  joined: 1000,
  failures: {},
  cpuSecondsPerGb: 1,
  userSecondsPerGb: 0.4,
  systemSecondsPerGb: 0.6,
  serverCoreShare: 0.1,
  kilobytesPerViewer: 30,
  kilobytesPerFurtherViewer: 30,
  joinP50Ms: 1,
  joinP99Ms: 2,
  latencyP50Ms: 3,
  latencyP99Ms: 4,
  loopLagP99Ms: Number.NaN,
  deliveredBytes: 1e9,
  deliveredShare: 1,
  stalls: 0,
  lostFrames: 0,
  repeatedFrames: 0,
  disconnects: 0,
  generatorCpuShare: 0.1,
  generatorDelayP99Ms: 1,
  otherCpuShare: 0,
  countDifference: 0,
  warnings: [],
};
