import { McpMasterError, toMcpMasterError } from '../errors.ts';

/** Certificates that a further certificate authority would make good. */
const UNKNOWN_AUTHORITY = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_UNTRUSTED',
]);

/** Certificates that are wrong, whoever signed them (OpenSSL's `X509_V_ERR_…` as Node names them). */
const BAD_CERTIFICATE = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REVOKED',
  'CERT_REJECTED',
  'CERT_CHAIN_TOO_LONG',
  'CERT_SIGNATURE_FAILURE',
  'CRL_HAS_EXPIRED',
  'CRL_NOT_YET_VALID',
  'CRL_SIGNATURE_FAILURE',
  'ERROR_IN_CERT_NOT_BEFORE_FIELD',
  'ERROR_IN_CERT_NOT_AFTER_FIELD',
  'ERROR_IN_CRL_LAST_UPDATE_FIELD',
  'ERROR_IN_CRL_NEXT_UPDATE_FIELD',
  'UNABLE_TO_DECRYPT_CERT_SIGNATURE',
  'UNABLE_TO_DECRYPT_CRL_SIGNATURE',
  'UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY',
  'UNABLE_TO_GET_CRL',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'PATH_LENGTH_EXCEEDED',
  'HOSTNAME_MISMATCH',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'ERR_TLS_CERT_ALTNAME_FORMAT',
]);

const UNREACHABLE: Record<string, [reason: string, hint: string]> = {
  ECONNREFUSED: [
    'connection refused',
    'Check that the server is running and that the port is right.',
  ],
  ENOTFOUND: ['the host name is unknown', 'Check the host in `url`, and the network or VPN.'],
  EAI_AGAIN: [
    'the host name could not be looked up',
    'Check the network, VPN and DNS, and try again.',
  ],
  EHOSTUNREACH: ['no route to the host', 'Check the network or VPN.'],
  ENETUNREACH: ['the network is unreachable', 'Check the network or VPN.'],
  EADDRNOTAVAIL: ['the address can not be reached from here', 'Check the host in `url`.'],
  EACCES: ['the system forbids the connection', 'Check the firewall.'],
  EPERM: ['the system forbids the connection', 'Check the firewall.'],
};

const PROXY_HINT = 'Check HTTPS_PROXY and HTTP_PROXY, or list the host of the server in NO_PROXY.';

const RESET = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'ERR_STREAM_PREMATURE_CLOSE']);

/** Whether a connection that stood was cut. */
export function isReset(error: unknown): boolean {
  return RESET.has(errorCode(error));
}

function isProxy(peer: string): boolean {
  return peer.startsWith('the proxy ');
}

/** The `code` of a system, TLS or HTTP parser error; also of one that stands for several attempts. */
function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return '';
  if ('code' in error && typeof error.code === 'string') return error.code;
  return error instanceof AggregateError ? errorCode(error.errors[0]) : '';
}

/**
 * Why there is no answer from `peer` (an origin, or `the proxy …`), as an error for people. Never
 * shows the path, query or headers of the request.
 */
export function connectionError(error: unknown, peer: string): McpMasterError {
  if (error instanceof McpMasterError) return error;
  const code = errorCode(error);
  const unreachable = UNREACHABLE[code];
  if (unreachable !== undefined) {
    const [reason, advice] = unreachable;
    const proxy = isProxy(peer);
    const message = proxy
      ? `${peer} does not answer: ${reason}`
      : `no server answers at ${peer}: ${reason}`;
    const hint = proxy ? PROXY_HINT : advice;
    return new McpMasterError('BACKEND_EXITED', message, { hint, cause: error });
  }
  return certificateError(error, code, peer) ?? brokenExchange(error, code, peer);
}

function certificateError(error: unknown, code: string, peer: string): McpMasterError | undefined {
  const unknown = UNKNOWN_AUTHORITY.has(code);
  if (!unknown && !BAD_CERTIFICATE.has(code)) return undefined;
  const hint = unknown
    ? 'Start mcp-master with NODE_EXTRA_CA_CERTS naming the PEM file of the certificate authority.'
    : 'Check the host in `url`, the clock of this machine, and the certificate of the server.';
  const reason = code
    .toLowerCase()
    .replace(/^err_tls_/, '')
    .replaceAll('_', ' ');
  const message = `the certificate of ${peer} is not trusted: ${reason} (${code})`;
  return new McpMasterError('TLS_UNTRUSTED', message, { hint, cause: error });
}

function brokenExchange(error: unknown, code: string, peer: string): McpMasterError {
  // No failure of a connection: a fault of ours must not pass for one of the server.
  if (code === '') return toMcpMasterError(error);
  if (code === 'ETIMEDOUT') return timeoutError(peer, error);
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) {
    const hint = 'Check whether `url` should begin with http:// instead of https://.';
    const message = `${peer} does not speak TLS as expected (${code})`;
    return new McpMasterError('BACKEND_PROTOCOL', message, { hint, cause: error });
  }
  if (code.startsWith('HPE_') || code.startsWith('Z_')) {
    const message = `${peer} sent an answer that is not valid HTTP (${code})`;
    const hint = 'Check that `url` names the MCP endpoint of the server.';
    return new McpMasterError('BACKEND_PROTOCOL', message, { hint, cause: error });
  }
  if (code === 'ERR_INVALID_CHAR' || code === 'ERR_INVALID_HTTP_TOKEN') {
    // Node's message names the header, and leaves out its value.
    const why = toMcpMasterError(error).message;
    const message = `a header can not be sent to ${peer}: ${why}`;
    const hint = 'Check the headers of this server for line breaks and characters beyond Latin-1.';
    return new McpMasterError('CONFIG_INVALID', message, { hint, cause: error });
  }
  const reason = RESET.has(code) ? 'the connection was cut' : `the request failed (${code})`;
  const message = `no answer from ${peer}: ${reason}`;
  const hint = isProxy(peer) ? PROXY_HINT : 'Check the log of the server, and try again.';
  return new McpMasterError('BACKEND_EXITED', message, { hint, cause: error });
}

/** Nothing came from `peer` in the time that connecting may take. */
export function timeoutError(peer: string, cause?: unknown): McpMasterError {
  const hint = isProxy(peer)
    ? PROXY_HINT
    : 'Check that the host and port are right, and the network, VPN and firewall.';
  return new McpMasterError('BACKEND_TIMEOUT', `could not connect to ${peer} in time`, {
    hint,
    cause,
  });
}

/**
 * The connection to `origin` was cut after the request was sent: a call, a refresh of a token, whatever it
 * was. One that only reads (`repeatable`) needs no warning.
 */
export function cutError(origin: string, repeatable: boolean, cause?: unknown): McpMasterError {
  const doubt = repeatable ? '' : '; the request may or may not have been carried out';
  const message = `the connection to ${origin} was cut before the answer came${doubt}`;
  const hint = repeatable
    ? 'Try again; if it happens again, check the log of the server.'
    : 'Check whether it had its effect before trying again.';
  return new McpMasterError('BACKEND_EXITED', message, { hint, cause });
}
