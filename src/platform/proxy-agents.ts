import { request } from 'node:http';
import { Agent, type RequestOptions, request as secureRequest } from 'node:https';
import { isIPv6 } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect } from 'node:tls';
import { connectionError, timeoutError } from '../backend/http-failures.ts';
import { McpMasterError } from '../errors.ts';
import { bareHost, type CompanyProxy, proxyLoginError } from './proxy-env.ts';

/** The `Proxy-Authorization` that the userinfo of a proxy's URL asks for (RFC 7617), if any. */
export function proxyHeaders({ url }: CompanyProxy): Record<string, string> {
  if (url.username === '' && url.password === '') return {};
  const userinfo = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(userinfo).toString('base64')}` };
}

/**
 * Reaches https servers through a proxy: `CONNECT` (RFC 9110 §9.3.6), then TLS with the server
 * itself, so that the proxy sees its host name alone. Not https-proxy-agent, which leaves a socket
 * behind for each `CONNECT` that a proxy does not answer.
 */
export class TunnelAgent extends Agent {
  readonly #proxy: CompanyProxy;
  readonly #timeoutMs: number;

  constructor(
    proxy: CompanyProxy,
    timeoutMs: number,
    options: ConstructorParameters<typeof Agent>[0],
  ) {
    super(options);
    this.#proxy = proxy;
    this.#timeoutMs = timeoutMs;
  }

  override createConnection(
    options: RequestOptions,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    // Node's declaration demands a stream beside an error; its agent takes none.
    const settle = callback as ((error: Error | null, stream?: Duplex) => void) | undefined;
    this.#tunnel(`${bracketed(options.host ?? '')}:${options.port}`).then(
      (socket) => settle?.(null, connect({ ...tlsOptions(options), socket })),
      (error: Error) => settle?.(error),
    );
  }

  #tunnel(target: string): Promise<Duplex> {
    const { url, label } = this.#proxy;
    const open = url.protocol === 'https:' ? secureRequest : request;
    return new Promise((resolve, reject) => {
      const tunnel = open({
        host: bareHost(url),
        port: url.port,
        method: 'CONNECT',
        path: target,
        headers: { host: target, ...proxyHeaders(this.#proxy) },
        agent: false,
        rejectUnauthorized: true,
      });
      const timer = setTimeout(() => tunnel.destroy(timeoutError(label)), this.#timeoutMs);
      tunnel.once('close', () => clearTimeout(timer));
      tunnel.once('error', (error) => reject(connectionError(error, label)));
      tunnel.once('connect', ({ statusCode = 0 }, socket) => {
        clearTimeout(timer);
        if (statusCode >= 200 && statusCode < 300) return resolve(socket);
        socket.destroy();
        reject(refusal(this.#proxy, statusCode, target));
      });
      tunnel.end();
    });
  }
}

function bracketed(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}

/** TLS over the tunnel: with the host the certificate must be for, which is not connected to anew. */
function tlsOptions({ host, servername }: RequestOptions): ConnectionOptions {
  return { host: host ?? '', servername: servername ?? '', rejectUnauthorized: true };
}

function refusal(proxy: CompanyProxy, status: number, target: string): McpMasterError {
  if (status === 407) return proxyLoginError(proxy);
  const message = `${proxy.label} answered ${status} instead of connecting to ${target}`;
  const hint = 'Ask who runs the proxy to allow this host, or list it in NO_PROXY.';
  return new McpMasterError('BACKEND_EXITED', message, { hint });
}
