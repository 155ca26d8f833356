/** The part of oidc-provider 9 that the tests use; the package has no types of its own. */
declare module 'oidc-provider/lib/provider.js' {
  import type { IncomingMessage, ServerResponse } from 'node:http';

  export interface Context {
    /** `originalUrl`: as it came, with the path of the issuer. */
    req: IncomingMessage & { originalUrl: string };
    method: string;
    path: string;
    query: Record<string, string | string[]>;
    status: number;
    body: unknown;
    /** Absent when no route has matched. */
    oidc?: { route: string; body?: unknown };
  }

  export interface Token {
    clientId: string;
    accountId?: string;
    aud?: string;
    scope?: string;
    destroy(): Promise<void>;
  }

  export interface TokenModel {
    find(value: string): Promise<Token | undefined>;
  }

  export interface Grant {
    addOIDCScope(scope: string): void;
    addResourceScope(resource: string, scope: string): void;
    save(): Promise<string>;
  }

  export interface Interaction {
    uid: string;
    grantId?: string;
    params: Record<string, string>;
    session?: { accountId: string };
    prompt: {
      name: string;
      details: {
        missingOIDCScope?: string[];
        missingResourceScopes?: Record<string, string[]>;
      };
    };
  }

  export class Provider {
    constructor(issuer: string, configuration: object);
    AccessToken: TokenModel;
    ClientCredentials: TokenModel;
    RefreshToken: TokenModel;
    Grant: {
      new (of: { accountId: string | undefined; clientId: string | undefined }): Grant;
      find(id: string): Promise<Grant | undefined>;
    };
    callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>;
    use(middleware: (ctx: Context, next: () => Promise<void>) => Promise<void>): this;
    on(event: `${string}error`, listener: (ctx: Context, error: Error) => void): this;
    on(event: `${string}.saved`, listener: (token: Token) => void): this;
    interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<Interaction>;
    interactionFinished(
      request: IncomingMessage,
      response: ServerResponse,
      result: object,
    ): Promise<void>;
  }
}

declare module 'oidc-provider/lib/adapters/memory_adapter.js' {
  export function createMemoryAdapter(clockTolerance: number): (model: string) => object;
}
