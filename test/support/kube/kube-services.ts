// Services: an address of its own for each, where connections are passed on to its pods, one after the other.
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { isSelected, type Service } from '../chart-workloads.ts';
import { isServing, type Pod, podsIn } from './kube-pod.ts';
import type { KubeStore, StoredObject } from './kube-store.ts';

type StoredService = StoredObject & { readonly spec: Service['spec'] };

/** All Services of a cluster. */
export class KubeServices {
  readonly #store: KubeStore;
  readonly #nextAddress: () => string;
  readonly #balancers = new Map<string, Balancer>();

  /** `nextAddress` gives an address that nobody else has. */
  constructor(store: KubeStore, nextAddress: () => string) {
    this.#store = store;
    this.#nextAddress = nextAddress;
  }

  /** Opens the addresses of new Services and closes those of old ones; called again after every change. */
  reconcile(): void {
    const services = this.#store.list('Service') as readonly StoredService[];
    const wanted = new Set<string>();
    for (const service of services) {
      const address = this.#addressOf(service);
      if (address === undefined) continue;
      for (const { name, port } of service.spec.ports) {
        const key = `${service.metadata.uid} ${address}:${port}`;
        wanted.add(key);
        if (this.#balancers.has(key)) continue;
        const podsOf = (): readonly PodAddress[] => this.#behind(service, name);
        this.#balancers.set(key, new Balancer(address, port, podsOf));
      }
    }
    for (const [key, balancer] of this.#balancers) {
      if (wanted.has(key)) continue;
      balancer.close();
      this.#balancers.delete(key);
    }
  }

  /** Host names within the cluster, each with its addresses. */
  hosts(): Readonly<Record<string, readonly string[]>> {
    const hosts: Record<string, readonly string[]> = {};
    for (const service of this.#store.list('Service') as readonly StoredService[]) {
      const { name, namespace = 'default' } = service.metadata;
      const address = service.spec.clusterIP;
      const addresses =
        address === undefined || address === 'None'
          ? this.#pods(service).map(({ status }) => status?.podIP ?? '')
          : [address];
      for (const host of [name, `${name}.${namespace}`, `${name}.${namespace}.svc`]) hosts[host] = addresses;
    }
    return hosts;
  }

  close(): void {
    for (const balancer of this.#balancers.values()) balancer.close();
    this.#balancers.clear();
  }

  #addressOf(service: StoredService): string | undefined {
    const { clusterIP, type } = service.spec;
    if (clusterIP !== undefined) return clusterIP === 'None' ? undefined : clusterIP;
    const address = this.#nextAddress();
    const status = type === 'LoadBalancer' ? { loadBalancer: { ingress: [{ ip: address }] } } : {};
    this.#store.put({ ...service, spec: { ...service.spec, clusterIP: address }, status });
    return address;
  }

  #pods({ metadata, spec }: StoredService): readonly Pod[] {
    return podsIn(this.#store, metadata.namespace)
      .filter((pod) => isSelected(pod.metadata.labels ?? {}, spec.selector))
      .filter((pod) => isServing(pod));
  }

  /** The pods as they are now, by the Service as it is now. */
  #behind({ metadata }: StoredService, portName: string): readonly PodAddress[] {
    const service = this.#store.get('Service', metadata.namespace, metadata.name) as
      StoredService | undefined;
    const target = service?.spec.ports.find(({ name }) => name === portName)?.targetPort;
    if (service === undefined) return [];
    return this.#pods(service).map(({ spec, status }) => {
      const ports = spec.containers.flatMap((container) => container.ports ?? []);
      const port = ports.find(({ name }) => name === target)?.containerPort ?? Number(target);
      return { host: status?.podIP ?? '', port };
    });
  }
}

interface PodAddress {
  readonly host: string;
  readonly port: number;
}

/** One port of a Service. */
class Balancer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #turn = 0;

  constructor(host: string, port: number, podsOf: () => readonly PodAddress[]) {
    this.#server = createServer((client) => {
      const pods = podsOf();
      const pod = pods[this.#turn++ % Math.max(1, pods.length)];
      if (pod === undefined) client.destroy();
      else this.#join(client, connect(pod));
    });
    this.#server.listen(port, host);
    void once(this.#server, 'listening');
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(client: Socket, pod: Socket): void {
    for (const [socket, other] of [
      [client, pod],
      [pod, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    client.pipe(pod);
    pod.pipe(client);
  }
}
