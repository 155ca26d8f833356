import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  ResultSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { argumentsFor } from './arguments.mjs';
import { BIN, SERVER } from './home.mjs';

/** What a client asks for that remembers the tools of its last session. */
const REMEMBERED = `${SERVER}__test-tool`;

/** Where an answer says how a person can log in (contract, "Over MCP"). */
const DELEGATION = 'mcp-master/oauth_delegation';

/** Milliseconds in which a login reaches the proxy, and its tools the client. */
const NEWS = 1500;

const CAPABILITIES = {
  roots: { listChanged: true },
  sampling: {},
  elicitation: { form: { applyDefaults: true } },
};

/** Starts `mcp-master serve` as a desktop client does, and shakes hands with it. */
export async function startDesktop({ path, env }) {
  const transport = new StdioClientTransport({
    ...{ command: process.execPath, args: [BIN, 'serve'], env, cwd: path, stderr: 'inherit' },
  });
  const client = new Client(
    { name: 'conformance-desktop', version: '1.0.0' },
    { capabilities: CAPABILITIES },
  );
  let tellNews;
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => tellNews?.());
  client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [] }));
  // Everything is left to the defaults.
  client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: {} }));
  client.setRequestHandler(CreateMessageRequestSchema, () => ({
    ...{ role: 'assistant', model: 'none', content: { type: 'text', text: 'sampled' } },
  }));
  await client.connect(transport);

  const ask = (method, params) => client.request({ method, params }, ResultSchema);
  /** Resolves with why it did not work, and with the address at which a person can log in. */
  const call = async (name, args) => {
    const { isError, content, _meta } = await ask('tools/call', { name, arguments: args });
    const address = _meta?.[DELEGATION]?.authorize_url;
    return isError && address !== undefined ? { text: content[0].text, address } : undefined;
  };

  return {
    /** Lists the tools of the server and calls each. Undefined when all of that worked, else why it did not. */
    async useTools({ isCalling }) {
      try {
        const listed = await ask('tools/list', {});
        const tools = listed.tools.filter(({ name }) => name.startsWith(`${SERVER}__`));
        if (!isCalling) return undefined;
        if (tools.length === 0) return await call(REMEMBERED, {});
        for (const tool of tools) {
          const refusal = await call(tool.name, argumentsFor(tool, tools));
          if (refusal !== undefined) return refusal;
        }
        return undefined;
      } catch (error) {
        return { text: error.message };
      }
    },
    /** Waits until the proxy says that there are other tools now, but not for long. */
    async hearNews() {
      const told = new Promise((resolve) => {
        tellNews = resolve;
      });
      await Promise.race([told, sleep(NEWS)]);
    },
    close: () => client.close(),
  };
}
