import type { Session } from '../backend/connect.ts';
import { toMcpMasterError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { JsonObject } from '../rpc/message.ts';

/**
 * What the client has asked of servers that has to be repeated to one that comes up later, or anew:
 * the log level, and the resources that it follows.
 */
export class ClientWishes {
  readonly #log: Logger;
  #level: string | undefined;
  /** Server -> its own URIs. */
  readonly #followed = new Map<string, Set<string>>();

  constructor(log: Logger) {
    this.#log = log;
  }

  setLevel(level: string): void {
    this.#level = level;
  }

  follow(server: string, uri: string): void {
    const uris = this.#followed.get(server) ?? new Set();
    this.#followed.set(server, uris.add(uri));
  }

  unfollow(server: string, uri: string): void {
    this.#followed.get(server)?.delete(uri);
  }

  /** Repeats them to a server that has just shaken hands. */
  repeatTo(server: string, session: Session): void {
    this.repeatLevelTo(session);
    for (const uri of this.#followed.get(server) ?? []) {
      this.#ask(session, 'resources/subscribe', { uri });
    }
  }

  /** Tells a server the log level, if it logs and the client has chosen one. */
  repeatLevelTo(session: Session): void {
    const logs = session.server.capabilities['logging'] !== undefined;
    if (logs && this.#level !== undefined) {
      this.#ask(session, 'logging/setLevel', { level: this.#level });
    }
  }

  #ask({ peer }: Session, method: string, params: JsonObject): void {
    peer.ask(method, params).catch((error: unknown) => {
      this.#log.debug(`${method} was not repeated: ${toMcpMasterError(error).message}`);
    });
  }
}
