// What a container is started with: environment and files, from the objects that its pod refers to.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Container, EnvVar } from '../chart-workloads.ts';
import type { Pod } from './kube-pod.ts';
import type { KubeStore, StoredObject } from './kube-store.ts';

/** A program and all that it is given. */
export interface ContainerStart {
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Where a pod is and keeps its files. */
export interface PodPlace {
  readonly podIP: string;
  readonly hostIP: string;
  readonly folder: string;
}

/**
 * Lays out the files of a container, and says what it is started with. There is no root filesystem of its own: paths that
 * begin with a mount are those of the folder that stands for it. Throws where something referred to is not there.
 */
export async function containerStart(
  store: KubeStore,
  pod: Pod,
  options: { readonly container: Container; readonly place: PodPlace },
): Promise<ContainerStart> {
  const { container, place } = options;
  const mounts = await mountedFolders(store, pod, options);
  const onDisk = (text: string): string => {
    const mount = Object.keys(mounts).find((path) => text === path || text.startsWith(`${path}/`));
    return mount === undefined ? text : `${mounts[mount] ?? ''}${text.slice(mount.length)}`;
  };
  const env = environmentOf(store, pod, container, place);
  const expanded = (texts: readonly string[] = []): string[] =>
    texts.map((text) => onDisk(expand(text, env)));
  return {
    command: expanded(container.command),
    args: expanded(container.args),
    env: Object.fromEntries(Object.entries(env).map(([name, value]) => [name, onDisk(value)])),
  };
}

async function mountedFolders(
  store: KubeStore,
  pod: Pod,
  { container, place }: { readonly container: Container; readonly place: PodPlace },
): Promise<Readonly<Record<string, string>>> {
  const folders: Record<string, string> = {};
  for (const { name, mountPath } of container.volumeMounts ?? []) {
    const folder = join(place.folder, name);
    await mkdir(folder, { recursive: true });
    const source = pod.spec.volumes?.find((volume) => volume.name === name)?.configMap;
    if (source !== undefined) {
      const { data = {} } = existing(store, pod, 'ConfigMap', source.name) as {
        data?: Record<string, string>;
      };
      for (const [file, text] of Object.entries(data)) await writeFile(join(folder, file), text);
    }
    folders[mountPath] = folder;
  }
  return folders;
}

function environmentOf(
  store: KubeStore,
  pod: Pod,
  container: Container,
  place: PodPlace,
): Record<string, string> {
  const env: Record<string, string> = {};
  for (const { secretRef } of container.envFrom ?? []) {
    if (secretRef !== undefined) {
      Object.assign(env, secretData(existing(store, pod, 'Secret', secretRef.name)));
    }
  }
  for (const variable of container.env ?? []) {
    env[variable.name] = valueOf(store, pod, { variable, env, place });
  }
  return env;
}

function valueOf(
  store: KubeStore,
  pod: Pod,
  { variable, env, place }: { variable: EnvVar; env: Readonly<Record<string, string>>; place: PodPlace },
): string {
  const { fieldRef, secretKeyRef } = variable.valueFrom ?? {};
  if (fieldRef !== undefined) return fieldOf(pod, fieldRef.fieldPath, place);
  if (secretKeyRef !== undefined) {
    const value = secretData(existing(store, pod, 'Secret', secretKeyRef.name))[secretKeyRef.key];
    if (value === undefined) throw new Error(`Secret ${secretKeyRef.name} has no ${secretKeyRef.key}`);
    return value;
  }
  return expand(variable.value ?? '', env);
}

function fieldOf({ metadata }: Pod, path: string, place: PodPlace): string {
  const label = /^metadata\.labels\['(.*)'\]$/.exec(path)?.[1];
  if (label !== undefined) return metadata.labels?.[label] ?? '';
  const fields: Readonly<Record<string, string | undefined>> = {
    'metadata.name': metadata.name,
    'metadata.namespace': metadata.namespace,
    'status.podIP': place.podIP,
    'status.hostIP': place.hostIP,
    'spec.nodeName': 'machine-1',
  };
  const value = fields[path];
  if (value === undefined) throw new Error(`the downward API has no ${path} here`);
  return value;
}

function secretData(secret: StoredObject): Record<string, string> {
  const { data = {}, stringData = {} } = secret as {
    data?: Record<string, string>;
    stringData?: Record<string, string>;
  };
  const decoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]);
  return { ...(Object.fromEntries(decoded) as Record<string, string>), ...stringData };
}

function existing(store: KubeStore, pod: Pod, kind: string, name: string): StoredObject {
  const object = store.get(kind, pod.metadata.namespace, name);
  if (object === undefined) throw new Error(`there is no ${kind} ${name}`);
  return object;
}

/** `$(NAME)` stands for a variable that is set already. */
function expand(text: string, env: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\((\w+)\)/g, (whole, name: string) => env[name] ?? whole);
}
