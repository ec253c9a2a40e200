/** The ports of a node. */
export type PortName = 'rtmp' | 'http' | 'admin' | 'relay';

/** Where a node listens, `host:port`; absent where it does not. */
export type NodeAddresses = Readonly<Partial<Record<PortName, string>>>;

/** The addresses of a node, known one by one as it starts. */
export class BoundAddresses {
  readonly #addresses: Partial<Record<PortName, string>> = {};

  set(name: PortName, address: string): void {
    this.#addresses[name] = address;
  }

  /** All that are known by now. */
  all(): NodeAddresses {
    return { ...this.#addresses };
  }
}
