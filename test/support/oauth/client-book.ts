import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { type Answer, respond } from './answers.ts';
import type { KnownClient } from './provider-configuration.ts';
import { DEVICE_GRANT, type Params } from './seen-requests.ts';

type Registered = Pick<
  KnownClient,
  'client_id' | 'client_secret' | 'redirect_uris' | 'token_endpoint_auth_method'
>;

/** The clients of one authorization server, and how they prove themselves. */
export class ClientBook {
  readonly #clients = new Map<string, Registered>();

  constructor(known: readonly Registered[] = []) {
    for (const client of known) this.#clients.set(client.client_id, client);
  }

  /** RFC 7591 §3.2.1; without the redirect URIs that its flow needs it is `invalid_redirect_uri` (§3.2.2). */
  register(params: Params): Answer {
    const { redirect_uris: given, token_endpoint_auth_method: asked } = params;
    const uris = given === undefined && isForDevices(params) ? [] : given;
    const enough = Array.isArray(uris) && (uris.length > 0 || given === undefined);
    if (!enough || !uris.every((uri) => URL.canParse(uri))) {
      return respond(400, { error: 'invalid_redirect_uri' });
    }
    const method = asked ?? 'client_secret_basic';
    if (!isSupported(method)) return respond(400, { error: 'invalid_client_metadata' });
    const secret =
      method === 'none' ? {} : { client_secret: randomUUID(), client_secret_expires_at: 0 };
    const registered = {
      ...params,
      ...secret,
      client_id: randomUUID(),
      redirect_uris: uris,
      token_endpoint_auth_method: method,
    };
    this.#clients.set(registered.client_id, registered);
    return respond(201, registered);
  }

  find(id: unknown): Registered | undefined {
    return typeof id === 'string' ? this.#clients.get(id) : undefined;
  }

  /** The client that sent a form (RFC 6749 §2.3): undefined unless it used the method it registered. */
  authenticate(params: Params, { authorization }: IncomingHttpHeaders): Registered | undefined {
    const basic = readBasic(authorization);
    const client = this.find(basic?.id ?? params['client_id']);
    const used = {
      none: basic === undefined && params['client_secret'] === undefined,
      client_secret_basic: basic !== undefined && basic.secret === client?.client_secret,
      client_secret_post:
        basic === undefined &&
        params['client_secret'] !== undefined &&
        params['client_secret'] === client?.client_secret,
      private_key_jwt: false,
    };
    return client !== undefined && used[client.token_endpoint_auth_method] ? client : undefined;
  }
}

const SUPPORTED = ['none', 'client_secret_basic', 'client_secret_post'] as const;

/** RFC 8628 has no redirects. */
function isForDevices({ grant_types: grants, response_types: responses }: Params): boolean {
  const isDevice = Array.isArray(grants) && grants.includes(DEVICE_GRANT);
  return isDevice && Array.isArray(responses) && responses.length === 0;
}

function isSupported(method: unknown): method is (typeof SUPPORTED)[number] {
  return SUPPORTED.some((supported) => supported === method);
}

/** Both parts are form-encoded before they are joined (RFC 6749 §2.3.1). */
function readBasic(header = ''): { id: string; secret: string } | undefined {
  const [, encoded] = /^Basic (\S+)$/i.exec(header) ?? [];
  if (encoded === undefined) return undefined;
  const [id = '', secret = ''] = Buffer.from(encoded, 'base64').toString().split(':');
  const decode = (part: string) => decodeURIComponent(part.replaceAll('+', ' '));
  return { id: decode(id), secret: decode(secret) };
}
