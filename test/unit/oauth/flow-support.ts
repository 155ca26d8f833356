import { vi } from 'vitest';
import type { McpMasterError } from '../../../src/errors.ts';
import {
  type FlowControllerOptions,
  OAuthFlowController,
} from '../../../src/oauth/flow/flow-controller.ts';
import type { LoginAttempt } from '../../../src/oauth/flow/flow-login.ts';

export const ORIGIN = 'http://127.0.0.1:4711';
export const STATE = 'the-state-of-github';
export const ISSUER = 'https://issuer.example';

/** What a login to a server is recognised by. */
export function attemptFor(server: string, more: Partial<LoginAttempt> = {}): LoginAttempt {
  return {
    server,
    redirectUri: `${ORIGIN}/oauth/callback`,
    authorizationUrl: `${ISSUER}/authorize?client_id=c&state=${STATE}`,
    state: STATE,
    issuer: ISSUER,
    issRequired: false,
    ...more,
  };
}

/** A controller with a login to `github`, and what a browser and the owner of the login do. */
export function flow(more: Partial<LoginAttempt> = {}, options: FlowControllerOptions = {}) {
  const controller = new OAuthFlowController(options);
  const login = controller.begin(attemptFor('github', more));
  const get = (address: string, method = 'GET') =>
    controller.handleRequest(new Request(new URL(address, ORIGIN), { method }));
  const callback = (query: string) => get(`/oauth/callback?${query}`);
  return { controller, login, get, callback };
}

/** How a promise stands now: its value, its error, or `pending`. For tests with fake timers. */
export async function now<T>(promise: Promise<T>): Promise<T | 'pending' | McpMasterError> {
  let state: T | 'pending' | McpMasterError = 'pending';
  promise.then(
    (value) => {
      state = value;
    },
    (error) => {
      state = error;
    },
  );
  await vi.advanceTimersByTimeAsync(0);
  return state;
}

/** Where an answer redirects to; '' when it does not. */
export function location(response: Response): string {
  return response.headers.get('location') ?? '';
}
