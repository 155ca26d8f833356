import { afterEach, describe, expect, it } from 'vitest';
import { StdioTransport } from '../../src/backend/stdio-transport.ts';
import { createProcesses } from '../../src/platform/processes.ts';
import type { Message } from '../../src/rpc/message.ts';
import { memoryLog } from '../support/memory-log.ts';

const { spawn, killAll } = createProcesses(process.platform);
afterEach(killAll);

/** A transport to a process that runs a line of JavaScript, and the messages that have come from it. */
function transportTo(script: string) {
  const { log, lines } = memoryLog();
  const options = { command: process.execPath, args: ['-e', script], env: {}, cwd: undefined };
  const transport = new StdioTransport(options, spawn, log);
  const messages: Message[] = [];
  const received = new Promise<void>((resolve) => {
    transport.onmessage = (message) => {
      messages.push(message);
      resolve();
    };
  });
  return { transport, lines, messages, received };
}

const READY = { jsonrpc: '2.0', method: 'ready' };
const READY_LINE = JSON.stringify(JSON.stringify(READY));

describe('StdioTransport', () => {
  it('says of a message before its start that nobody has it', async () => {
    const { transport } = transportTo('');
    await expect(transport.send({ jsonrpc: '2.0', id: 1, method: 'ping' })).rejects.toMatchObject({
      code: 'BACKEND_EXITED',
      undelivered: true,
    });
  });

  it('does not complain of a line that a server was ended in', async () => {
    // Whole, then half a line that its end completes.
    const { transport, lines, messages, received } = transportTo(
      `process.stdout.write(${READY_LINE} + '\\n{"jsonrpc":"2.0","id":1,"resu'); process.stdin.resume();`,
    );
    await transport.start();
    await received;
    await transport.close();
    expect(messages).toEqual([READY]);
    expect(lines).toEqual([]);
  });

  it('names the half line that a server has left when it ended by itself', async () => {
    const { transport, lines } = transportTo(`process.stdout.write('{"half": ');`);
    const closed = new Promise<Error | undefined>((resolve) => {
      transport.onclose = resolve;
    });
    await transport.start();
    expect((await closed)?.message).toContain('{"half":');
    expect(lines).toEqual([expect.stringContaining('{"half":')]);
  });
});
