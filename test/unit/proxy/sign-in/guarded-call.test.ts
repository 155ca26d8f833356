import { describe, expect, it, vi } from 'vitest';
import type { Backend } from '../../../../src/backend/backend.ts';
import { type ErrorCode, McpMasterError } from '../../../../src/errors.ts';
import { type CallGuards, sendGuarded } from '../../../../src/proxy/sign-in/guarded-call.ts';
import { Incoming } from '../../../../src/rpc/incoming-request.ts';
import type { Reply } from '../../../../src/rpc/message.ts';
import { serverConfig } from '../../../support/server-config.ts';

/** A call that fails with one error after the other, in a session where somebody has logged in meanwhile. */
function callThatFails(...codes: ErrorCode[]) {
  const replies: Reply[] = [];
  const request = new Incoming(
    'tools/call',
    { name: 'x' },
    {
      ...{ done: () => undefined, reply: (reply: Reply) => replies.push(reply) },
      ...{ progress: async () => undefined, ordered: true },
    },
  );
  const backend = { name: 'alpha', config: serverConfig() } as Backend;
  const login = vi.fn();
  const desk = {
    canHelp: (_: unknown, { code }: McpMasterError) => code === 'LOGIN_REQUIRED',
    isLoggedInSince: () => true,
    noteInVain: vi.fn(async () => undefined),
  };
  const guards = {
    ...{ now: () => 0, noteRefused: () => undefined, signIn: { desk, login } },
    pool: { get: () => backend, lookAtCredentials: () => new Set([backend]) },
  } as unknown as CallGuards;
  const sent = vi.fn((_: Backend, onFailure: (error: McpMasterError) => void) => {
    const code = codes.shift();
    if (code === undefined) request.reply({ result: {} });
    else onFailure(new McpMasterError(code, 'it failed'));
  });
  sendGuarded(backend, request, guards, sent);
  return { replies, sent, login, desk };
}

describe('a call while somebody logs in elsewhere', () => {
  it.each<ErrorCode>(['BACKEND_TIMEOUT', 'BACKEND_EXITED', 'INTERNAL'])(
    'is not made once more after %s: it may have been carried out',
    (code) => {
      const { replies, sent, login } = callThatFails(code);
      expect(sent).toHaveBeenCalledTimes(1);
      expect(login).not.toHaveBeenCalled();
      expect(replies).toMatchObject([{ error: { data: { code } } }]);
    },
  );

  it('is made once more where it was refused for the want of that login', () => {
    const { replies, sent, login } = callThatFails('LOGIN_REQUIRED');
    expect(sent).toHaveBeenCalledTimes(2);
    expect(login).not.toHaveBeenCalled();
    expect(replies).toEqual([{ result: {} }]);
  });

  it('is made once more once alone, and nobody is asked when that was in vain', async () => {
    const { replies, sent, login, desk } = callThatFails('LOGIN_REQUIRED', 'LOGIN_REQUIRED');
    await vi.waitFor(() => expect(replies).toHaveLength(1));
    expect(sent).toHaveBeenCalledTimes(2);
    expect(login).not.toHaveBeenCalled();
    expect(desk.noteInVain).toHaveBeenCalledTimes(1);
    expect(replies).toMatchObject([{ error: { data: { code: 'UNAUTHORIZED' } } }]);
  });
});
