import type { OAuthSettings } from '../../config/config.ts';
import type { ClientRegistration } from './client-registration.ts';

/** A stored client with what the configuration alone knows of it: its secret or its key. */
export function withSettings(
  client: ClientRegistration,
  { clientSecret, privateKey }: OAuthSettings,
): ClientRegistration {
  if (client.source !== 'configured') return client;
  return {
    ...client,
    ...(clientSecret === undefined ? {} : { clientSecret }),
    ...(privateKey === undefined ? {} : { privateKey }),
  };
}
