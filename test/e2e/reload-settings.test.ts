import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/rpc/message.ts';
import { waitFor } from '../support/bin.ts';
import {
  pidsOf,
  reconfigure,
  TOOLS_CHANGED,
  toolNames,
  tools,
  waitForTools,
} from '../support/recording/reload-stage.ts';
import { useStage } from '../support/recording/stage.ts';

const stage = useStage();

async function serveAlpha(config: JsonObject = {}) {
  const alpha = await stage.backend('alpha', { tools: tools('a-tool-with-a-long-name') });
  const client = await stage.serve({ alpha }, { config });
  await waitForTools(client, ['alpha__a-tool-with-a-long-name']);
  return { alpha, client };
}

describe('a new configuration', () => {
  it('has its secrets masked from the first line of the log on', async () => {
    const secret = 'the-secret-of-the-new-configuration';
    const { alpha, client } = await serveAlpha({ serve: { log_level: 'debug' } });
    const script = 'console.error(process.env.API_TOKEN, "is told"); process.exitCode = 3';
    const leaking = {
      command: process.execPath,
      args: ['-e', script],
      env: { API_TOKEN: secret },
    };
    await reconfigure(client, stage.folder, {
      serve: { log_level: 'debug' },
      servers: { alpha: alpha.entry, leaking },
    });
    await waitFor(() => client.stderr.includes('*** is told'), {
      what: `the masked secret in ${client.stderr}`,
    });
    const { error } = await client.request('tools/call', { name: 'leaking__x' });
    expect(JSON.stringify(error)).toContain('leaking');
    expect(client.stderr + JSON.stringify(error)).not.toContain(secret);
  });

  it('may set the limit of names, without a connection made anew', async () => {
    const { alpha, client } = await serveAlpha();
    await reconfigure(client, stage.folder, {
      ...{ serve: { name_limit: 24 }, servers: { alpha: alpha.entry } },
    });
    await client.waitForNotification(TOOLS_CHANGED);
    const [name = ''] = await toolNames(client);
    expect(name).toMatch(/^alpha__a-tool-wi?_[0-9a-f]{8}$/);
    expect(name).toHaveLength(24);
    await client.callTool(name, { message: 'x' });
    expect(pidsOf(alpha)).toHaveLength(1);
  });

  it('may set the level of the log, unless a variable names it', async () => {
    const { alpha, client } = await serveAlpha();
    const say = async (log_level: string) =>
      reconfigure(client, stage.folder, { serve: { log_level }, servers: { alpha: alpha.entry } });
    expect(client.stderr).not.toContain(' debug ');
    await say('debug');
    client.notify('notifications/of-no-kind');
    await waitFor(() => client.stderr.includes(' debug '), { what: 'a line of that level' });

    const firm = await stage.serve({ alpha }, { env: { MCP_MASTER_LOG_LEVEL: 'info' } });
    await waitForTools(firm, ['alpha__a-tool-with-a-long-name']);
    await reconfigure(firm, stage.folder, {
      ...{ serve: { log_level: 'error' }, servers: { alpha: alpha.entry } },
    });
    expect(firm.stderr).toContain('the configuration was changed, and is in use');
  });

  it('does not move the token store, and says so once', async () => {
    const { alpha, client } = await serveAlpha();
    for (const store of ['file', 'keychain', 'file']) {
      await reconfigure(client, stage.folder, {
        ...{ tokens: { store }, servers: { alpha: alpha.entry } },
      });
    }
    const said = client.stderr.split('\n').filter((line) => line.includes('another token store'));
    expect(said).toEqual([expect.stringMatching(/ warn .*when mcp-master is started again/)]);
    expect(pidsOf(alpha)).toHaveLength(1);
  });

  it('changes nothing when a setting of it can not be used at all', async () => {
    const { alpha, client } = await serveAlpha();
    await reconfigure(client, stage.folder, { servers: { alpha: alpha.entry }, serve: 'fast' });
    expect(client.stderr).toMatch(/ (warn|error) .*config\.json:\d+.*serve/);
    expect(pidsOf(alpha)).toHaveLength(1);
    await client.callTool('alpha__a-tool-with-a-long-name', { message: 'x' });
  });
});
