#!/usr/bin/env node
/**
 * Makes the built proxy the client that the MCP conformance suite judges: the suite starts this program
 * with the address of one of its servers as the last argument. It stands for a desktop client with a
 * person: `mcp-master serve` has that one server behind it, all tools are listed and called, and when an
 * answer has the address of a login, the person opens it in a browser; where it only names the command that
 * logs in, the person runs that.
 *
 *   npx -p node@22 -p @modelcontextprotocol/conformance@0.2.0-alpha.12 conformance client \
 *     --scenario auth/scope-step-up --command "node test/support/conformance/client-driver.mjs"
 *
 * Ends with 0 when all tools could be used, with 1 when nothing is left to do about it, and with 3 when
 * the proxy went on naming logins: how often that may happen is the proxy's to decide.
 */
import { startDesktop } from './client-driver/desktop.mjs';
import { createHome } from './client-driver/home.mjs';
import { browse, logIn, loginCommandIn } from './client-driver/login.mjs';

/** No scenario has a use for more logins; a proxy that asks for more would ask for ever. */
const MOST_LOGINS = 8;

/** Scenarios whose servers have nothing that could be called. */
const LISTED_ALONE = new Set(['initialize', 'json-schema-ref-no-deref']);

/** Milliseconds after which the suite has given up. */
const TOO_LONG = 55_000;

const ENDED = { used: 0, failed: 1, endless: 3 };

const say = (text) => process.stdout.write(`${text}\n`);

async function use(desktop, home, scenario) {
  for (let logins = 0; ; logins += 1) {
    const refusal = await desktop.useTools({ isCalling: !LISTED_ALONE.has(scenario) });
    if (refusal === undefined) return ENDED.used;
    say(`REFUSED: ${refusal.text}`);
    const command = loginCommandIn(refusal.text);
    if (command === undefined) return ENDED.failed;
    if (logins === MOST_LOGINS) {
      say(`ENDLESS: after ${MOST_LOGINS} logins there is a command for another one`);
      return ENDED.endless;
    }
    const { address } = refusal;
    say(`LOGIN: ${address ?? command.join(' ')}`);
    const isLoggedIn = await (address ? browse(address, say) : logIn(command, home, say));
    if (!isLoggedIn) return ENDED.failed;
    await desktop.hearNews();
  }
}

setTimeout(() => process.exit(ENDED.failed), TOO_LONG).unref();

const { MCP_CONFORMANCE_SCENARIO: scenario = '', MCP_CONFORMANCE_CONTEXT: context = '{}' } =
  process.env;
const home = await createHome(process.argv.at(-1), scenario, JSON.parse(context));
const desktop = await startDesktop(home);
try {
  process.exitCode = await use(desktop, home, scenario);
} finally {
  await desktop.close();
  await home.remove();
}
