import * as json from './json.ts';
import type { StateFiles } from './state-files.ts';

const FOLDER = 'sign-ins';
const VERSION = 1;

/** How long nobody is asked again after a login that came to nothing, in milliseconds. */
export const REST_MS = 600_000;

/** Where a person can log in, for as long as that login waits. None of it is a secret. */
export interface SignInInvitation {
  /** For the browser: our own address, or that of the provider for a device code. */
  url: string;
  /** To be entered there, where the address does not have it in it. */
  userCode?: string | undefined;
  /** Milliseconds since the epoch. */
  expiresAt: number;
  authorizationEndpoint?: string | undefined;
  tokenEndpoint?: string | undefined;
  clientId: string;
  scopes: string[];
}

/** A login that came to nothing. */
export interface Rest {
  /** As in the error that it ended with. */
  code: string;
  /** When, in milliseconds since the epoch. */
  since: number;
}

/** What processes tell each other of the login that a person is to make. */
export interface SignInRecord {
  invitation?: SignInInvitation | undefined;
  rest?: Rest | undefined;
  /** Whether somebody is shown the invitation by the process that made it. */
  isShown?: boolean | undefined;
}

const schema = json.record({
  version: json.oneOf(VERSION),
  invitation: json.optional(
    json.record({
      url: json.text,
      userCode: json.optional(json.text),
      expiresAt: json.number,
      authorizationEndpoint: json.optional(json.text),
      tokenEndpoint: json.optional(json.text),
      clientId: json.text,
      scopes: json.listOf(json.text),
    }),
  ),
  rest: json.optional(json.record({ code: json.text, since: json.number })),
  isShown: json.optional(json.flag),
});

/**
 * The logins that persons are to make in clients, a file for each: where, and whether they have been asked
 * in vain. One that can't be read counts as none.
 */
export class SignInRecords {
  readonly #files: StateFiles;

  constructor(files: StateFiles) {
    this.#files = files;
  }

  get(file: string): SignInRecord {
    const text = this.#files.read(FOLDER, file);
    const { version: _, ...record } = (text && json.parse(schema, text)) || { version: VERSION };
    return record;
  }

  /** The login that came to nothing less than ten minutes ago; undefined when somebody may be asked. */
  rest(file: string, now: number): Rest | undefined {
    const { rest } = this.get(file);
    // A clock that was set back must not make it last.
    return rest && Math.abs(now - rest.since) < REST_MS ? rest : undefined;
  }

  async put(file: string, record: SignInRecord): Promise<void> {
    if (record.invitation === undefined && record.rest === undefined) {
      await this.#files.remove(FOLDER, file);
    } else {
      await this.#files.write(FOLDER, file, JSON.stringify({ version: VERSION, ...record }));
    }
  }

  /** The logins that wait for their person at this port of this computer. */
  listeningAt(port: number): string[] {
    return this.#files.list(FOLDER).filter((file) => {
      const { invitation } = this.get(file);
      return invitation !== undefined && new URL(invitation.url).port === String(port);
    });
  }

  watch(onChange: () => void): () => void {
    return this.#files.watch(FOLDER, onChange);
  }
}
