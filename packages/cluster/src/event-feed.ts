import type { Logger } from '@headwater/contracts';
import type { RegistryEvent, Watch } from './stream-registry.ts';

type Listener<Event> = (event: Event) => void;

interface Entry<Event> {
  readonly listener: Listener<Event>;
}

/** Tells watchers of events in order, never within the call that caused them; a watch hears nothing from before it. */
export class EventFeed<Event extends { readonly type: string } = RegistryEvent> {
  readonly #logger: Logger;
  readonly #listeners = new Set<Entry<Event>>();
  #queue: { readonly event: Event; readonly to: readonly Entry<Event>[] }[] = [];

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  watch(listener: Listener<Event>): Watch {
    const entry = { listener };
    this.#listeners.add(entry);
    return { close: () => void this.#listeners.delete(entry) };
  }

  emit(event: Event): void {
    if (this.#listeners.size === 0) return;
    this.#queue.push({ event, to: [...this.#listeners] });
    if (this.#queue.length === 1) {
      queueMicrotask(() => {
        this.#deliver();
      });
    }
  }

  close(): void {
    this.#listeners.clear();
    this.#queue = [];
  }

  #deliver(): void {
    const due = this.#queue;
    this.#queue = [];
    for (const { event, to } of due) {
      for (const entry of to) {
        if (this.#listeners.has(entry)) this.#call(entry.listener, event);
      }
    }
  }

  #call(listener: Listener<Event>, event: Event): void {
    try {
      listener(event);
    } catch (err) {
      this.#logger.error({ err, event: event.type }, 'registry listener threw');
    }
  }
}
