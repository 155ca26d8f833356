import { setTimeout as sleep } from 'node:timers/promises';
import { Backend } from '../backend/backend.ts';
import type { ConnectDeps, Session } from '../backend/connect.ts';
import type { ClientIdentity } from '../backend/handshake.ts';
import type { ServerConfig } from '../config/config.ts';
import { McpMasterError } from '../errors.ts';
import type { IncomingRequest } from '../rpc/incoming-request.ts';
import type { JsonObject } from '../rpc/message.ts';
import type { RequestOptions } from '../rpc/outgoing-requests.ts';
import type { OutgoingRequest } from '../rpc/peer.ts';

/** What is done with what the servers of a pool send by themselves. */
export interface PooledBackendHandlers {
  /** A server has shaken hands, for the first time or anew. */
  onReady(backend: Backend, session: Session): void;
  onRequest(backend: Backend, request: IncomingRequest): void;
  onNotification(backend: Backend, method: string, params: JsonObject | undefined): void;
}

/** What a {@link PooledBackend} is made of. */
export interface PooledBackendParts {
  server: ServerConfig;
  client: ClientIdentity;
  handlers: PooledBackendHandlers;
  deps: ConnectDeps;
  /** It is not connected before this has settled. */
  after: Promise<unknown>;
}

/** A backend that can give way to another one without failing what it was asked for. */
export class PooledBackend extends Backend {
  readonly #after: Promise<unknown>;
  #isRetired = false;
  #underWay = 0;
  #onIdle: (() => void)[] = [];

  constructor({ server, client, handlers, deps, after }: PooledBackendParts) {
    super(
      server,
      client,
      {
        onReady: (session) => handlers.onReady(this, session),
        onRequest: (request) => handlers.onRequest(this, request),
        onNotification: (method, params) => handlers.onNotification(this, method, params),
      },
      deps,
    );
    this.#after = after;
  }

  /** Whether a request waits for its answer, or for being sent. */
  get isBusy(): boolean {
    return this.#underWay > 0;
  }

  override async connect(): Promise<Session> {
    await this.#after;
    return super.connect();
  }

  override request(
    method: string,
    params: JsonObject | undefined,
    options: RequestOptions,
  ): OutgoingRequest {
    const end = this.#begin();
    const outgoing = super.request(method, params, {
      ...options,
      onReply: (reply) => {
        end();
        options.onReply(reply);
      },
      onFailure: (error) => {
        end();
        const isOurs = this.#isRetired && error.code === 'INTERRUPTED';
        options.onFailure(isOurs ? retiredError(this.name) : error);
      },
    });
    return {
      cancel: (reason) => {
        end();
        outgoing.cancel(reason);
      },
    };
  }

  /** Closes it when its last request is over, or has had its time. Never rejects. */
  async retire(): Promise<void> {
    this.#isRetired = true;
    const limit = sleep(this.config.timeout * 1000, undefined, { ref: false });
    await Promise.race([this.#idle(), limit]);
    await this.close();
  }

  /** Counts a request until the function that it returns is called for the first time. */
  #begin(): () => void {
    this.#underWay += 1;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#underWay -= 1;
      if (this.#underWay === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
    };
  }

  #idle(): Promise<void> {
    if (!this.isBusy) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }
}

function retiredError(name: string): McpMasterError {
  const message = `server "${name}": its connection was closed before the answer, because the configuration was changed`;
  return new McpMasterError('INTERRUPTED', message, {
    hint: 'What was asked for may have been done all the same.',
  });
}
