/** Commands that a person, or a script, runs: beside a Node.js process that does nothing. */
import { LOGIN_ENVIRONMENT, serverWithLogin } from './authorization-server.mjs';
import { environment } from './backends.mjs';
import { BIN, masterHome } from './subjects.mjs';

const SERVERS = 50;

/** The names of the commands, by which goals speak of them. */
export const COMMANDS = {
  nothingA: 'node -e 0 (A)',
  nothingB: 'node -e 0 (B)',
  version: 'mcp-master --version',
  status: `mcp-master auth status, ${SERVERS} servers`,
};

/** The commands as subjects; those after the first two are compared with the first. */
export function commands(url, issuer) {
  return [
    command(COMMANDS.nothingA, ['-e', '0']),
    command(COMMANDS.nothingB, ['-e', '0']),
    command(COMMANDS.version, [BIN, '--version']),
    { ...command(COMMANDS.status), prepare: (folder) => homeWithLogins(folder, url, issuer) },
  ];
}

function command(name, args) {
  const prepare = async () => ({ command: [process.execPath, ...args], env: environment() });
  return { name, phases: ['runs'], keeps: false, prepare };
}

/** A home with a login at each of the servers. */
async function homeWithLogins(folder, url, issuer) {
  const names = Array.from({ length: SERVERS }, (_, i) => `server${i + 1}`);
  const servers = Object.fromEntries(names.map((name) => [name, serverWithLogin(url, issuer)]));
  const { env } = await masterHome(folder, servers, LOGIN_ENVIRONMENT, true);
  return { command: [process.execPath, BIN, 'auth', 'status'], env };
}
