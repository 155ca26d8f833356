import { delimiter } from 'node:path';
import type { Environment } from '../config/config.ts';

/** What a server needs of its surroundings; the same names that the MCP SDK's client hands on. */
const POSIX_NAMES = ['HOME', 'LOGNAME', 'PATH', 'SHELL', 'TERM', 'USER'];
const WINDOWS_NAMES = [
  'APPDATA',
  'HOMEDRIVE',
  'HOMEPATH',
  'LOCALAPPDATA',
  'PATH',
  'PATHEXT',
  'PROCESSOR_ARCHITECTURE',
  'PROGRAMFILES',
  'SYSTEMDRIVE',
  'SYSTEMROOT',
  'TEMP',
  'USERNAME',
  'USERPROFILE',
];

/** Company proxies and private certificate authorities: without them a server reaches nothing. */
const NETWORK_NAMES = [
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'ALL_PROXY',
  'NODE_EXTRA_CA_CERTS',
  'NODE_USE_ENV_PROXY',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'REQUESTS_CA_BUNDLE',
  'CURL_CA_BUNDLE',
];

/** The world that a child is started in. */
export interface ChildSurroundings {
  /** The environment of this process, without what a `.env` file added. */
  env: Environment;
  platform: NodeJS.Platform;
  /** Folders in which commands are found although the client's stripped PATH lacks them. */
  commandFolders: string[];
}

/**
 * The environment of a child: the names above, and what its entry gives it. Nothing else of ours, so
 * that one server's credentials, and the master's, are not seen by the others.
 */
export function childEnvironment(
  own: Record<string, string>,
  { env, platform, commandFolders }: ChildSurroundings,
): Record<string, string> {
  const child: Record<string, string> = {};
  const wanted = new Set([
    ...(platform === 'win32' ? WINDOWS_NAMES : POSIX_NAMES),
    ...NETWORK_NAMES,
  ]);
  for (const [name, value] of Object.entries(env)) {
    // Upper case: Windows spells `Path`, and curl-like tools read `https_proxy`.
    if (value !== undefined && wanted.has(name.toUpperCase())) child[name] = value;
  }
  const pathName = Object.keys(child).find((name) => name.toUpperCase() === 'PATH') ?? 'PATH';
  child[pathName] = extendedPath(child[pathName] ?? '', commandFolders);
  return { ...child, ...own };
}

function extendedPath(path: string, folders: string[]): string {
  const present = path.split(delimiter).filter((folder) => folder !== '');
  return [...present, ...folders.filter((folder) => !present.includes(folder))].join(delimiter);
}
