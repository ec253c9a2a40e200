// As much of a Kubernetes API server as Helm talks to: discovery, reading, writing, patching and watching.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parse } from 'yaml';
import { discoveryAnswer } from './kube-discovery.ts';
import { applied, mergePatch } from './kube-patches.ts';
import { decodeSecret } from './kube-protobuf.ts';
import { apiVersionOf, type KubeResource, kubeResources } from './kube-resources.ts';
import type { KubeStore, SentObject, StoredObject, StoreEvent } from './kube-store.ts';
import { isSelectedBy } from './kube-selectors.ts';

/** What a request is about. */
interface Target {
  readonly resource: KubeResource;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

/** Ends a request with a status. */
class ApiError extends Error {
  readonly code: number;
  readonly reason: string;

  constructor(code: number, reason: string, message: string) {
    super(message);
    this.code = code;
    this.reason = reason;
  }
}

/** The server, at a port of its own on loopback. */
export class KubeApiServer {
  readonly #store: KubeStore;
  readonly #server: Server;
  readonly #logOf: (pod: StoredObject) => string;

  private constructor(store: KubeStore, logOf: (pod: StoredObject) => string) {
    this.#store = store;
    this.#logOf = logOf;
    this.#server = createServer((request, response) => {
      void this.#answer(request, response);
    });
  }

  static async start(store: KubeStore, logOf: (pod: StoredObject) => string): Promise<KubeApiServer> {
    const server = new KubeApiServer(store, logOf);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    try {
      const discovery = discoveryAnswer(url.pathname);
      if (discovery !== undefined) send(response, 200, discovery);
      else await this.#answerResource(request, response, url);
    } catch (error) {
      const { code, reason } = error instanceof ApiError ? error : new ApiError(500, 'InternalError', '');
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
      send(response, code, { apiVersion: 'v1', kind: 'Status', status: 'Failure', code, reason, message });
    }
  }

  async #answerResource(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const target = targetOf(url.pathname);
    if (request.method === 'GET') this.#read(target, url.searchParams, response);
    else if (request.method === 'DELETE') this.#delete(target, response);
    else {
      const sent = await sentObject(request, target);
      send(response, request.method === 'POST' ? 201 : 200, this.#write(request, target, sent));
    }
  }

  #read(target: Target, query: URLSearchParams, response: ServerResponse): void {
    const { resource, namespace, name, subresource } = target;
    if (subresource === 'log') response.end(this.#logOf(this.#existing(target)));
    else if (name !== undefined) send(response, 200, this.#existing(target));
    else if (query.has('watch')) this.#watch(target, query, response);
    else {
      const all = this.#store.list(resource.kind, namespace);
      send(response, 200, {
        apiVersion: apiVersionOf(resource),
        kind: `${resource.kind}List`,
        metadata: { resourceVersion: this.#store.version },
        items: all.filter((object) => isSelectedBy(object, query)),
      });
    }
  }

  /** Answers with one line a change, for as long as the client wants; first all that is there, where it asks for that. */
  #watch({ resource, namespace }: Target, query: URLSearchParams, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/json' });
    const isWanted = (object: StoredObject): boolean =>
      object.kind === resource.kind &&
      (namespace === undefined || object.metadata.namespace === namespace) &&
      isSelectedBy(object, query);
    const write = (event: StoreEvent | { readonly type: 'BOOKMARK'; readonly object: object }): void => {
      response.write(`${JSON.stringify(event)}\n`);
    };
    const since = query.get('resourceVersion') ?? '';
    const isFromNow = query.has('sendInitialEvents') || since === '' || since === '0';
    if (isFromNow) {
      for (const object of this.#store.list(resource.kind, namespace)) {
        if (isWanted(object)) write({ type: 'ADDED', object });
      }
    }
    if (query.has('sendInitialEvents')) {
      const annotations = { 'k8s.io/initial-events-end': 'true' };
      const metadata = { resourceVersion: this.#store.version, annotations };
      write({
        type: 'BOOKMARK',
        object: { apiVersion: apiVersionOf(resource), kind: resource.kind, metadata },
      });
    }
    const after = isFromNow ? Number(this.#store.version) : Number(since);
    const stop = this.#store.watch(after, (event) => {
      if (isWanted(event.object)) write(event);
    });
    response.on('close', stop);
  }

  #write({ method, headers }: IncomingMessage, target: Target, sent: SentObject): StoredObject {
    const { resource, namespace } = target;
    const name = target.name ?? sent.metadata.name;
    const before = this.#store.get(resource.kind, namespace, name);
    if (method === 'POST' && before !== undefined) throw new ApiError(409, 'AlreadyExists', `${name} exists`);
    const isApply = headers['content-type']?.includes('apply-patch') === true;
    if (method === 'PATCH' && before === undefined && !isApply) throw notFound(name);
    const isPatch = method === 'PATCH' && !isApply;
    const object = (isPatch ? mergePatch(before, sent) : applied(before, sent)) as SentObject;
    const metadata = { ...object.metadata, name, ...(namespace === undefined ? {} : { namespace }) };
    return this.#store.put(
      withDefaults({ ...object, apiVersion: apiVersionOf(resource), kind: resource.kind, metadata }),
    );
  }

  #delete(target: Target, response: ServerResponse): void {
    const object = this.#existing(target);
    // A pod is given its time to end, and goes when it has.
    if (object.kind !== 'Pod') this.#store.remove(object);
    else if (object.metadata.deletionTimestamp === undefined) {
      const deletionTimestamp = new Date().toISOString();
      this.#store.put({ ...object, metadata: { ...object.metadata, deletionTimestamp } });
    }
    send(response, 200, { apiVersion: 'v1', kind: 'Status', status: 'Success' });
  }

  #existing({ resource, namespace, name = '' }: Target): StoredObject {
    const object = this.#store.get(resource.kind, namespace, name);
    if (object === undefined) throw notFound(name);
    return object;
  }
}

const path =
  /^\/(?:api\/(?<core>v1)|apis\/(?<group>[^/]+)\/(?<version>[^/]+))(?:\/namespaces\/(?<namespace>[^/]+)(?=\/))?\/(?<plural>[a-z]+)(?:\/(?<name>[^/]+))?(?:\/(?<sub>log|status))?$/;

function targetOf(pathname: string): Target {
  const {
    group = '',
    core,
    version = core,
    plural,
    namespace,
    name,
    sub,
  } = path.exec(pathname)?.groups ?? {};
  const resource = kubeResources.find(
    (known) => known.group === group && known.version === version && known.plural === plural,
  );
  if (resource === undefined) throw notFound(pathname);
  return { resource, namespace, name, subresource: sub };
}

async function sentObject(request: IncomingMessage, { resource, name }: Target): Promise<SentObject> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const isProtobuf = request.headers['content-type']?.includes('protobuf') === true;
  if (isProtobuf && resource.kind === 'Secret') return decodeSecret(body);
  if (isProtobuf) throw new ApiError(415, 'UnsupportedMediaType', `${resource.kind} in protobuf`);
  const object = parse(body.toString()) as SentObject;
  return { ...object, metadata: { ...object.metadata, name: name ?? object.metadata.name } };
}

/** What clients rely on being said. */
function withDefaults(object: SentObject): SentObject {
  if (object.kind !== 'Deployment' && object.kind !== 'StatefulSet') return object;
  return { ...object, spec: { replicas: 1, ...(object['spec'] as object) } };
}

function notFound(what: string): ApiError {
  return new ApiError(404, 'NotFound', `${what} not found`);
}

function send(response: ServerResponse, code: number, body: object): void {
  if (response.headersSent) return;
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
