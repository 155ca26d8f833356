import type { RemoteEndpoint } from '../config/config.ts';
import { isCredentialName } from '../config/credentials.ts';

/**
 * The headers that a server's configuration yields for each request to it (rows B1 to B3 and B7 of
 * the strategies): its own headers as they are, and the API key where one is configured.
 */
export function requestHeaders({ headers, auth }: RemoteEndpoint): Record<string, string> {
  if (auth.strategy === 'bypass_auth') return withoutCredentials(headers);
  if (auth.strategy !== 'api_key') return headers;
  return { ...headers, [auth.header]: fillTemplate(auth.template, auth.key) };
}

/** Whether one of the configured values is a credential, so that a 401 means that it was refused. */
export function sendsCredential({ headers, auth }: RemoteEndpoint): boolean {
  if (auth.strategy === 'bypass_auth') return false;
  if (auth.strategy === 'api_key' || auth.strategy === 'headers') return true;
  return Object.keys(headers).some(isCredentialName);
}

/** A function as the replacement: in a string, `$&` of a key would mean something. */
function fillTemplate(template: string, key: string): string {
  return template.replace(/\{(?:key|apiKey)\}/g, () => key);
}

function withoutCredentials(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !isCredentialName(name)));
}
