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
  /** The params of `logging/setLevel`. */
  #level: JsonObject | undefined;
  /** Server -> its own URIs, and what the client knows each as. */
  readonly #followed = new Map<string, Map<string, string>>();

  constructor(log: Logger) {
    this.#log = log;
  }

  setLevel(params: JsonObject): void {
    this.#level = params;
  }

  /** `uri` is the server's own, `known` the one that the client asked for. */
  follow(server: string, uri: string, known: string): void {
    const uris = this.#followed.get(server) ?? new Map<string, string>();
    this.#followed.set(server, uris.set(uri, known));
  }

  unfollow(server: string, uri: string): void {
    this.#followed.get(server)?.delete(uri);
  }

  /** What the client asked for when it began to follow this resource. */
  knownAs(server: string, uri: string): string | undefined {
    return this.#followed.get(server)?.get(uri);
  }

  /** Repeats them to a server that has just shaken hands. */
  repeatTo(server: string, session: Session): void {
    this.tellLevel(session);
    for (const uri of this.#followed.get(server)?.keys() ?? []) {
      this.#ask(session, 'resources/subscribe', { uri });
    }
  }

  /** Tells a server the log level, if it logs and the client has chosen one. */
  tellLevel(session: Session): void {
    const logs = session.server.capabilities['logging'] !== undefined;
    if (logs && this.#level !== undefined) this.#ask(session, 'logging/setLevel', this.#level);
  }

  #ask({ peer }: Session, method: string, params: JsonObject): void {
    peer.ask(method, params).catch((error: unknown) => {
      this.#log.debug(`${method} was not repeated: ${toMcpMasterError(error).message}`);
    });
  }
}
