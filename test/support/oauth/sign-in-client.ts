import { expect, onTestFinished } from 'vitest';
import type { JsonObject } from '../../../src/rpc/message.ts';
import {
  type RecordingClient,
  type Responder,
  type ServeOptions,
  startServe,
} from '../recording-client.ts';
import type { AuthHome } from './auth-home.ts';
import { browse } from './browse.ts';

/** The capability of a client that opens addresses for its person. */
export const OPENS_URLS = { elicitation: { form: {}, url: {} } };

/** How a client of `serve` is started; all of it may be left out. */
export interface SignInClientOptions extends ServeOptions {
  capabilities?: JsonObject;
}

/** Starts `serve` in a home for a client with these capabilities; it is closed when the test ends. */
export async function startClient(
  home: AuthHome,
  { capabilities = {}, env, ...options }: SignInClientOptions = {},
): Promise<RecordingClient> {
  const all = { home: home.path, env: { ...home.env, ...env }, deadline: 30_000 };
  const client = await startServe(undefined, { ...all, ...options });
  onTestFinished(async () => {
    await client.close();
  });
  await client.initialize(capabilities);
  return client;
}

/** What the client was asked by `elicitation/create`, in order. */
export interface Elicited {
  respond: Responder;
  params: JsonObject[];
}

/** A client whose person is asked to open an address, and the answer; an exception is an error answer. */
export function elicitedBy(answer: (params: JsonObject) => Promise<JsonObject>): Elicited {
  const asked: JsonObject[] = [];
  const respond: Responder = async ({ method, params }) => {
    if (method !== 'elicitation/create') return { error: { code: -32601, message: method } };
    // Requests of the protocol have objects there.
    const given = params as JsonObject;
    asked.push(given);
    try {
      return { result: await answer(given) };
    } catch (error) {
      return { error: { code: -32603, message: String(error) } };
    }
  };
  return { respond, params: asked };
}

/** A person who agrees to everything. */
export function agreeing(): Elicited {
  return elicitedBy(async ({ url }) => {
    // As clients do: the answer is that the address was opened, not that the login is done.
    void browse(String(url));
    return { action: 'accept' };
  });
}

/** The address on the loopback interface that leads to the provider. */
export function authorizeAddress(server: string): RegExp {
  return new RegExp(
    `^http://127\\.0\\.0\\.1:\\d+/oauth/authorize\\?server_id=${server}&nonce=[\\w-]{20,}$`,
  );
}

/** What is handed to a client that can't get a person to log in by itself (contract, "Over MCP"). */
export interface Delegation extends JsonObject {
  server_id: string;
  authorize_url: string;
  login_command: string;
}

/** The delegation in the answer of a tool: fails unless it is there twice, and a person can follow the text. */
export function delegationOf(result: JsonObject): Delegation {
  expect(result).toEqual({
    content: [
      { type: 'text', text: expect.any(String) },
      { type: 'text', text: expect.any(String) },
    ],
    isError: true,
    _meta: { 'mcp-master/oauth_delegation': expect.any(Object) },
  });
  const [said, json] = result['content'] as [{ text: string }, { text: string }];
  const delegation = JSON.parse(json.text) as Delegation;
  expect(result['_meta']).toEqual({ 'mcp-master/oauth_delegation': delegation });
  expect(said.text).toContain(delegation.authorize_url);
  expect(said.text).toContain(delegation.login_command);
  return delegation;
}

/** The first text of a tool's answer. */
export function textOf(result: JsonObject): string {
  const [first] = result['content'] as [{ text: string }];
  return first.text;
}

/** What the tool `whoami` says of the token that it was called with. */
export function identityOf(result: JsonObject): Record<string, unknown> {
  expect(result).toEqual({ content: [{ type: 'text', text: expect.any(String) }] });
  return JSON.parse(textOf(result));
}

/** What the client was told of the progress of its request with this token. */
export function progressOf(client: RecordingClient, token: string): JsonObject[] {
  return client
    .notifications('notifications/progress')
    .map(({ params }) => params as JsonObject)
    .filter(({ progressToken }) => progressToken === token);
}

/** Each step of a progress is more than the one before (specification, "Progress"). */
export function expectIncreasing(told: readonly JsonObject[]): void {
  const steps = told.map(({ progress }) => Number(progress));
  expect(steps).toEqual(steps.toSorted((one, other) => one - other));
  expect(new Set(steps).size).toBe(steps.length);
}
