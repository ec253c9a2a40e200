// What an API server keeps: objects by resource, namespace and name, and the changes of the last while for those who watch.
import { randomUUID } from 'node:crypto';

/** What every object has beside its own fields. */
export interface StoredMetadata {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number;
  readonly creationTimestamp: string;
  readonly deletionTimestamp?: string;
}

/** Whose an object is; it goes with it. */
export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller: true;
}

/** An object as it is kept. */
export interface StoredObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: StoredMetadata;
  readonly spec?: unknown;
  readonly status?: unknown;
  readonly [field: string]: unknown;
}

/** An object as somebody sends it. */
export interface SentObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Partial<StoredMetadata> & { readonly name: string };
  readonly [field: string]: unknown;
}

/** A change, in the words of the API. */
export interface StoreEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: StoredObject;
}

const keptEvents = 5_000;

/** Objects of every kind; each write is an event. */
export class KubeStore {
  readonly #objects = new Map<string, StoredObject>();
  readonly #events: StoreEvent[] = [];
  readonly #listeners = new Set<(event: StoreEvent) => void>();
  #version = 1;

  /** The number of the last change. */
  get version(): string {
    return String(this.#version);
  }

  get(kind: string, namespace: string | undefined, name: string): StoredObject | undefined {
    return this.#objects.get(keyOf(kind, namespace, name));
  }

  /** All objects of a kind, in all namespaces unless one is named. */
  list(kind: string, namespace?: string): readonly StoredObject[] {
    return [...this.#objects.values()].filter(
      (object) =>
        object.kind === kind && (namespace === undefined || object.metadata.namespace === namespace),
    );
  }

  /** Writes an object over what is there. Whoever writes the same again changes nothing. */
  put(sent: SentObject): StoredObject {
    const { kind, metadata } = sent;
    const key = keyOf(kind, metadata.namespace, metadata.name);
    const before = this.#objects.get(key);
    if (before !== undefined && isSame(before, sent)) return before;
    const isNewSpec = before === undefined || JSON.stringify(before.spec) !== JSON.stringify(sent['spec']);
    const object: StoredObject = {
      ...sent,
      metadata: {
        ...metadata,
        uid: before?.metadata.uid ?? randomUUID(),
        creationTimestamp:
          before?.metadata.creationTimestamp ?? new Date().toISOString().replace(/\.\d+/, ''),
        generation: (before?.metadata.generation ?? 0) + (isNewSpec ? 1 : 0),
        resourceVersion: String(++this.#version),
      },
    };
    this.#objects.set(key, object);
    this.#tell({ type: before === undefined ? 'ADDED' : 'MODIFIED', object });
    return object;
  }

  /** Takes an object out; false where it is not there. */
  remove({ kind, metadata }: StoredObject): boolean {
    const key = keyOf(kind, metadata.namespace, metadata.name);
    const object = this.#objects.get(key);
    if (object === undefined) return false;
    this.#objects.delete(key);
    const resourceVersion = String(++this.#version);
    this.#tell({ type: 'DELETED', object: { ...object, metadata: { ...object.metadata, resourceVersion } } });
    return true;
  }

  /** The changes after a version, then those to come, until the returned function is called. */
  watch(afterVersion: number, listener: (event: StoreEvent) => void): () => void {
    for (const event of this.#events) {
      if (Number(event.object.metadata.resourceVersion) > afterVersion) listener(event);
    }
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(event: StoreEvent): void {
    this.#events.push(event);
    if (this.#events.length > keptEvents) this.#events.shift();
    for (const listener of this.#listeners) listener(event);
  }
}

function keyOf(kind: string, namespace: string | undefined, name: string): string {
  return `${kind}/${namespace ?? ''}/${name}`;
}

/** What the server adds to the metadata is not compared. */
function isSame(before: StoredObject, sent: SentObject): boolean {
  const { uid, creationTimestamp, generation, resourceVersion } = before.metadata;
  const metadata = { ...sent.metadata, uid, creationTimestamp, generation, resourceVersion };
  return canonical(before) === canonical({ ...sent, metadata });
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
