import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentMetrics, type Logger } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { GeoDatabase } from './geo-database.ts';
import { mmdb } from './testing/mmdb.ts';

const berlin = { latitude: 52.5, longitude: 13.4 };
const records = {
  '192.0.2.0/24': { country: { iso_code: 'DE' }, location: berlin },
  '198.51.100.0/25': { zone: 'b', region: 'eu' },
  '198.51.100.128/25': { zone: 'c' },
  '203.0.113.0/24': { country: { iso_code: 'FR' } },
  '2001:db8::/32': { location: { latitude: -33, longitude: 151 } },
};

let folder = '';
let said: string[] = [];
const clock = new ManualClock();
const open: GeoDatabase[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-geo-'));
  said = [];
});

afterEach(async () => {
  for (const database of open.splice(0)) database.close();
  await rm(folder, { recursive: true });
});

function logger(): Logger {
  const say = (fields: object, message: string): void => {
    said.push('isOlderKept' in fields ? `${message}, older kept: ${String(fields.isOlderKept)}` : message);
  };
  const log: Logger = { debug: () => undefined, info: say, warn: say, error: say, child: () => log };
  return log;
}

async function databaseAt(path: string): Promise<GeoDatabase> {
  const database = new GeoDatabase({ path, clock, logger: logger(), metrics: silentMetrics });
  open.push(database);
  await database.open();
  return database;
}

describe('a database of addresses', () => {
  it('says where an address is: at a point, in a zone, or not at all', async () => {
    const path = join(folder, 'db.mmdb');
    await writeFile(path, mmdb(records));
    const database = await databaseAt(path);
    const addresses = [
      '192.0.2.77',
      '198.51.100.1',
      '198.51.100.200',
      '203.0.113.1',
      '2001:db8::5',
      '10.0.0.1',
      'x',
    ];
    expect(addresses.map((address) => database.find(address))).toEqual([
      { coordinates: berlin },
      { zone: 'b', region: 'eu' },
      { zone: 'c', region: undefined },
      undefined,
      { coordinates: { latitude: -33, longitude: 151 } },
      undefined,
      undefined,
    ]);
    expect(database.find('::ffff:192.0.2.77')).toEqual({ coordinates: berlin });
  });

  it('of IPv4 alone knows no IPv6 address, also where the first bits of one are those of an address that it knows', async () => {
    const path = join(folder, 'db.mmdb');
    await writeFile(path, mmdb({ '32.1.0.0/16': { zone: 'b' } }, 4));
    const database = await databaseAt(path);
    const found = { zone: 'b', region: undefined };
    expect(['32.1.13.184', '::ffff:32.1.13.184'].map((address) => database.find(address))).toEqual([
      found,
      found,
    ]);
    expect(database.find('2001:db8::5')).toBeUndefined();
  });

  it('is read again when its file changes, and kept while the file is broken or gone; each is said once', async () => {
    const path = join(folder, 'db.mmdb');
    const database = await databaseAt(path);
    const zoneAfter = async (content: Buffer | undefined): Promise<unknown> => {
      const lines = said.length;
      if (content === undefined) await rm(path);
      else {
        await writeFile(`${path}.new`, content);
        await rename(`${path}.new`, path);
      }
      clock.advance(5_000);
      await vi.waitFor(() => expect(said.length).toBeGreaterThan(lines));
      return database.find('192.0.2.1');
    };
    expect(database.find('192.0.2.1')).toBeUndefined();
    expect(await zoneAfter(mmdb({ '192.0.2.0/24': { zone: 'one' } }))).toMatchObject({ zone: 'one' });
    const two = mmdb({ '192.0.2.0/24': { zone: 'two' } });
    expect(await zoneAfter(Buffer.from('not a database'))).toMatchObject({ zone: 'one' });
    expect(await zoneAfter(two.subarray(100))).toMatchObject({ zone: 'one' });
    expect(await zoneAfter(undefined)).toMatchObject({ zone: 'one' });
    expect(await zoneAfter(two)).toMatchObject({ zone: 'two' });
    clock.advance(5_000);
    expect(said).toEqual([
      'database of addresses cannot be read, older kept: false',
      'database of addresses is read',
      'database of addresses cannot be read, older kept: true',
      'database of addresses cannot be read, older kept: true',
      'database of addresses cannot be read, older kept: true',
      'database of addresses is read',
    ]);
  });

  it('with broken records answers nothing for them', async () => {
    const path = join(folder, 'db.mmdb');
    const whole = mmdb(records);
    const at = whole.indexOf('location');
    whole.fill(0xff, at, at + 40);
    await writeFile(path, whole);
    const database = await databaseAt(path);
    expect(database.find('192.0.2.1')).toBeUndefined();
  });
});
