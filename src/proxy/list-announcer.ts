import type { Lists } from './catalogue.ts';

/** Changes that come together are told together: twenty servers connect at about the same time. */
const DELAY_MS = 50;

/** The notification that tells of a change of a list. */
const NOTIFICATIONS: Readonly<Record<keyof Lists, string>> = {
  tools: 'notifications/tools/list_changed',
  resources: 'notifications/resources/list_changed',
  resourceTemplates: 'notifications/resources/list_changed',
  prompts: 'notifications/prompts/list_changed',
};

/** Tells a client of changes of the lists that it has, once its session has begun. */
export class ListAnnouncer {
  readonly #notify: (method: string) => void;
  readonly #listed = new Set<keyof Lists>();
  readonly #due = new Set<string>();
  #begun = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(notify: (method: string) => void) {
    this.#notify = notify;
  }

  /** The client has said `notifications/initialized`. */
  begin(): void {
    this.#begun = true;
  }

  /** The client is given this list. */
  readonly noteListed = (kind: keyof Lists): void => {
    this.#listed.add(kind);
  };

  /** These lists are others now. */
  readonly change = (changed: ReadonlySet<keyof Lists>): void => {
    for (const kind of changed) {
      if (this.#listed.has(kind)) this.#due.add(NOTIFICATIONS[kind]);
    }
    if (this.#due.size > 0) this.#timer ??= setTimeout(() => this.#tell(), DELAY_MS);
  };

  /** The client has gone: whatever changes from now on, it is told nothing. */
  end(): void {
    this.#begun = false;
    clearTimeout(this.#timer);
  }

  #tell(): void {
    this.#timer = undefined;
    const due = [...this.#due];
    this.#due.clear();
    if (this.#begun) for (const method of due) this.#notify(method);
  }
}
