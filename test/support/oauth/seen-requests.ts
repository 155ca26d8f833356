import type { IncomingHttpHeaders } from 'node:http';

/** What a request was for: the same names for every server of this folder. */
export type Endpoint =
  /** RFC 8414 */
  | 'metadata'
  /** OpenID Connect Discovery */
  | 'openid'
  /** RFC 9728 */
  | 'resourceMetadata'
  | 'jwks'
  | 'register'
  | 'authorize'
  /** RFC 8628 §3.1 */
  | 'device'
  | 'token'
  | 'revoke'
  | 'mcp'
  /** Screens, and paths that there are not. */
  | 'other';

/** The members of a query, a form or a JSON body. */
export type Params = Readonly<Record<string, unknown>>;

/** A request as an OAuth server has seen it. */
export interface SeenRequest {
  endpoint: Endpoint;
  method: string;
  /** Without the query. */
  path: string;
  headers: IncomingHttpHeaders;
  params: Params;
  /** What was answered; 0 when nothing was. */
  status: number;
  /** The error code of OAuth, if one was answered. */
  error?: string | undefined;
}

/** The grant type of RFC 8628. */
export const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';

type GrantType =
  | 'authorization_code'
  | 'refresh_token'
  | 'client_credentials'
  | typeof DEVICE_GRANT;

/** Everything that an authorization server was asked, in order: tests count with it. */
export class SeenRequests {
  readonly all: SeenRequest[] = [];
  /** Refresh tokens that were shown again after they had been spent. */
  readonly reused: string[] = [];

  /** The requests to one endpoint. */
  at(endpoint: Endpoint): SeenRequest[] {
    return this.all.filter((request) => request.endpoint === endpoint);
  }

  /** The token requests of one grant type. */
  grants(type: GrantType): SeenRequest[] {
    return this.at('token').filter(({ params }) => params['grant_type'] === type);
  }

  /** Refresh tokens that were exchanged for new ones. */
  get spent(): string[] {
    const granted = this.grants('refresh_token').filter(({ status }) => status === 200);
    return granted.map(({ params }) => String(params['refresh_token']));
  }
}
