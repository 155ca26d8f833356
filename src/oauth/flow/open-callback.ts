import type { OAuthSettings } from '../../config/config.ts';
import { toMcpMasterError } from '../../errors.ts';
import type { ClientRegistration } from '../client/client-registration.ts';
import type { ListenOnLoopback, LoopbackListener } from '../doors.ts';
import type { OAuthFlowController } from './flow-controller.ts';

const HOST = '127.0.0.1';
const PATH = '/oauth/callback';

/** A listener for the answer of the authorization server. */
export interface Callback {
  /** Exactly as it is registered and sent (RFC 8252 §7.3). */
  redirectUri: string;
  close(): Promise<void>;
}

/**
 * Listens before anything is sent, so that the port in the redirect URI is ours. A fixed `redirect_uri`
 * or `redirect_port` is taken as it is; else the port that the client was registered with, if it is
 * free, since some servers compare it; else any free one. Rejects with `PORT_IN_USE`.
 */
export async function openCallback(
  settings: OAuthSettings,
  remembered: ClientRegistration | undefined,
  controller: OAuthFlowController,
  listen: ListenOnLoopback,
): Promise<Callback> {
  const handle = (request: Request) => controller.handleRequest(request);
  const open = async (hostname: string, port: number) => listen({ hostname, port, handle });
  const { redirectUri, redirectPort } = settings;
  if (redirectUri !== undefined) {
    const { hostname, port } = new URL(redirectUri);
    return { redirectUri, close: closing(await open(hostname, Number(port))) };
  }
  if (redirectPort !== undefined) return dynamic(await open(HOST, redirectPort));
  const registered = remembered?.redirectUri;
  const before = registered === undefined ? undefined : new URL(registered);
  if (before === undefined || before.hostname !== HOST) return dynamic(await open(HOST, 0));
  try {
    return dynamic(await open(HOST, Number(before.port)));
  } catch (error) {
    if (toMcpMasterError(error).code !== 'PORT_IN_USE') throw error;
    return dynamic(await open(HOST, 0));
  }
}

function dynamic(listener: LoopbackListener): Callback {
  return { redirectUri: `http://${HOST}:${listener.port}${PATH}`, close: closing(listener) };
}

function closing(listener: LoopbackListener): () => Promise<void> {
  return () => listener.close();
}
