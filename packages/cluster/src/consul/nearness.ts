import type { Clock, Timer } from '@headwater/contracts';
import type { ConsulClient } from './consul-client.ts';
import { ConsulFailure, toConsulFailure } from './consul-failure.ts';
import { median, readCoordinate, roundTripMs, type Coordinate } from './coordinates.ts';
import type { OutageLog } from './outage-log.ts';
import type { ConsulPlace } from './service-record.ts';

/** What a nearness is made of. */
export interface NearnessOptions {
  readonly client: ConsulClient;
  readonly clock: Clock;
  readonly outages: OutageLog;
  /** The datacenters whose machines matter at the moment. */
  readonly datacenters: () => readonly string[];
  readonly periodMs: number;
}

const maxMachines = 10_000;
/** Servers of a datacenter that are looked at: Consul advises five, and the median of a few says as much. */
const maxServers = 9;

/** How far apart machines and datacenters are, as Consul last said; read again once a period. */
export class Nearness {
  readonly #options: NearnessOptions;
  readonly #machines = new Map<string, ReadonlyMap<string, Coordinate>>();
  #servers: ReadonlyMap<string, readonly Coordinate[]> = new Map();
  /** The datacenters that the last reading was about. */
  #asked: readonly string[] = [];
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(options: NearnessOptions) {
    this.#options = options;
  }

  /** Reads all coordinates; failures are logged and leave what is known. */
  async refresh(): Promise<void> {
    this.#timer?.cancel();
    const datacenters = this.#options.datacenters();
    const reads = datacenters.map((name) => this.#attempt(name, async () => this.#readMachines(name)));
    await Promise.all([this.#attempt('', async () => this.#readServers()), ...reads]);
    for (const name of this.#asked) if (!datacenters.includes(name)) this.#forget(name);
    this.#asked = datacenters;
    if (this.#isClosed) return;
    this.#timer = this.#options.clock.after(this.#options.periodMs, () => void this.refresh());
  }

  /** The estimated round trip in ms; undefined when it is not known. 0 on one machine. */
  distanceMs(a: ConsulPlace, b: ConsulPlace): number | undefined {
    if (a.datacenter !== b.datacenter) return this.#betweenDatacenters(a.datacenter, b.datacenter);
    if (a.machine === b.machine) return 0;
    const machines = this.#machines.get(a.datacenter);
    const [from, to] = [machines?.get(a.machine), machines?.get(b.machine)];
    return from && to && roundTripMs(from, to);
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  async #attempt(datacenter: string, read: () => Promise<void>): Promise<void> {
    const { outages } = this.#options;
    try {
      await read();
      outages.succeeded('coordinates', datacenter);
    } catch (caught) {
      if (this.#isClosed) return;
      outages.failed('coordinates', toConsulFailure('read coordinates', caught), datacenter);
    }
  }

  #forget(datacenter: string): void {
    this.#machines.delete(datacenter);
    // That it could not be read is nobody's trouble any more.
    this.#options.outages.succeeded('coordinates', datacenter);
  }

  #betweenDatacenters(a: string, b: string): number | undefined {
    const distances: number[] = [];
    for (const from of this.#servers.get(a) ?? []) {
      for (const to of this.#servers.get(b) ?? []) {
        const distance = roundTripMs(from, to);
        if (distance !== undefined) distances.push(distance);
      }
    }
    return median(distances);
  }

  async #readServers(): Promise<void> {
    const { body } = await this.#options.client.datacenterCoordinates();
    const servers = new Map<string, Coordinate[]>();
    for (const entry of asList(body)) {
      const { Datacenter: datacenter, AreaID: area, Coordinates: listed } = entry as Record<string, unknown>;
      // Areas other than the one of all servers have coordinates of their own, which cannot be compared.
      if (typeof datacenter !== 'string' || area !== 'wan' || !Array.isArray(listed)) continue;
      const read = listed.slice(0, maxServers).map((server) => readCoordinate(server)?.coordinate);
      servers.set(
        datacenter,
        read.filter((coordinate) => coordinate !== undefined),
      );
    }
    this.#servers = servers;
  }

  async #readMachines(datacenter: string): Promise<void> {
    const { body } = await this.#options.client.nodeCoordinates(datacenter);
    const machines = new Map<string, Coordinate>();
    for (const entry of asList(body)) {
      const read = readCoordinate(entry);
      if (read !== undefined) machines.set(read.name, read.coordinate);
    }
    this.#machines.set(datacenter, machines);
  }
}

function asList(body: unknown): object[] {
  if (!Array.isArray(body)) throw new ConsulFailure('answer', 'read coordinates', { said: 'not a list' });
  const entries: readonly unknown[] = body;
  return entries.slice(0, maxMachines).filter((entry) => typeof entry === 'object' && entry !== null);
}
