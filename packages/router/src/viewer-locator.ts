import type { Counter, Metrics } from '@headwater/contracts';
import { clientAddress } from './client-address.ts';
import type { GeoFinding } from './geo-database.ts';
import { NetworkTable } from './network-table.ts';
import type { ViewerPlace } from './viewer-place.ts';

/** A network of which the operator says where it is. */
export interface NetworkPlace {
  /** `10.1.0.0/16`, or one address. */
  readonly network: string;
  readonly zone: string;
  /** Undefined: the region of the only zone with that name. */
  readonly region: string | undefined;
}

/** What a locator knows by. */
export interface ViewerLocatorOptions {
  readonly metrics: Metrics;
  readonly networks: readonly NetworkPlace[];
  /** Networks of proxies whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  readonly database?: { find(address: string): GeoFinding | undefined } | undefined;
  /** Where the router runs. */
  readonly home: { readonly zone: string; readonly region: string };
}

/** Says where viewers are: by the table of networks, else by the database, else where the router is. */
export class ViewerLocator {
  readonly #options: ViewerLocatorOptions;
  readonly #networks: NetworkTable<NetworkPlace>;
  readonly #trusted: NetworkTable<true>;
  readonly #located: Counter;

  constructor(options: ViewerLocatorOptions) {
    this.#options = options;
    this.#networks = new NetworkTable(options.networks.map((place) => [place.network, place]));
    this.#trusted = new NetworkTable(options.trustedProxies.map((network) => [network, true]));
    this.#located = options.metrics.counter({
      name: 'headwater_router_viewers_located_total',
      help: 'Viewers by what said where they are: the table of networks, the database, or nothing but the place of the router.',
      labels: ['source'],
    });
  }

  /** The address of a client behind a peer that may be a trusted proxy. */
  clientOf(peer: string, forwardedFor: string | undefined): string {
    return clientAddress(peer, forwardedFor, this.#trusted);
  }

  /** Where a client is; every answer counts as a viewer. */
  locate(address: string): ViewerPlace {
    const place = this.placeOf(address);
    this.#located.add(1, { source: place.source });
    return place;
  }

  /** The same for nobody who watches. */
  placeOf(address: string): ViewerPlace {
    const network = this.#networks.find(address);
    if (network !== undefined) return { source: 'network', zone: network.zone, region: network.region };
    const finding = this.#options.database?.find(address);
    if (finding !== undefined) return { source: 'database', ...finding };
    return { source: 'router', ...this.#options.home };
  }
}
