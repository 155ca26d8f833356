import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import type { JsonObject } from '../../../src/rpc/message.ts';
import { createTempFolder, type TempFolder } from '../bin.ts';
import { type Mode, type RecordingBackend, recordingBackend } from '../recording.ts';
import {
  type Answer,
  type RecordingClient,
  type ServeOptions,
  startServe,
} from '../recording-client.ts';

/** Members that any params, result or item may have: none of them may get lost or change. */
export const RICH = {
  _meta: { 'vendor.example/key': { list: [1, null, { a: '' }], 'ü🎉': '\u2028' } },
  icons: [
    { src: 'data:image/png;base64,AAAA', mimeType: 'image/png', sizes: ['48x48'], theme: 'dark' },
  ],
  nothing: null,
  fieldOfTomorrow: { deep: [[], {}, true, -0.1e-7, 9007199254740991, 'ü🎉 "quoted"\n'] },
} as const satisfies JsonObject;

/** What a tool has to have beside its name. */
export const SCHEMA = { inputSchema: { type: 'object' } } as const;

/** How a session of {@link Stage.serve} begins. */
export interface StageOptions extends ServeOptions {
  /** What the client declares; default: nothing. */
  capabilities?: JsonObject;
  /** Laid over the configuration, beside `servers`. */
  config?: JsonObject;
}

/** One test's servers and clients; what is started is ended after the test. */
export interface Stage {
  /** A folder of the test's own. */
  readonly folder: string;
  backend(name: string, script?: object, mode?: Mode): Promise<RecordingBackend>;
  /** A client that has shaken hands with `mcp-master serve` in front of these servers. */
  serve(
    servers: Record<string, RecordingBackend>,
    options?: StageOptions,
  ): Promise<RecordingClient>;
  /** As `serve`, without the handshake. */
  start(
    servers: Record<string, RecordingBackend>,
    options?: StageOptions,
  ): Promise<RecordingClient>;
}

/** Sets the stage for each test of a file or, in a `describe`, once for all tests in it. */
export function useStage(scope: 'test' | 'describe' = 'test'): Stage {
  let folder: TempFolder;
  let open: (() => Promise<unknown>)[];
  const [before, after] = scope === 'test' ? [beforeEach, afterEach] : [beforeAll, afterAll];
  before(async () => {
    folder = await createTempFolder();
    open = [];
  });
  after(async () => {
    for (const close of open.reverse()) await close();
    await folder.remove();
  });

  const stage: Stage = {
    get folder() {
      return folder.path;
    },
    async backend(name, script = {}, mode = 'stdio') {
      const made = await recordingBackend(folder.path, name, script, mode);
      open.push(made.stop);
      return made;
    },
    async serve(servers, { capabilities = {}, ...options } = {}) {
      const client = await stage.start(servers, options);
      await client.initialize(capabilities);
      return client;
    },
    async start(servers, { capabilities: _, config, ...options } = {}) {
      const entries = Object.entries(servers).map(([name, { entry }]) => [name, entry]);
      const client = await startServe(
        { ...config, servers: Object.fromEntries(entries) },
        { home: folder.path, ...options },
      );
      open.push(() => client.close());
      return client;
    },
  };
  return stage;
}

/** A request of the client, and what has to become of it. */
export interface Relayed {
  method: string;
  params?: JsonObject;
  /** What the server has to see in place of `params`. */
  seen?: JsonObject;
  /** What the server answers, which the client has to get whole. */
  answer: { result: JsonObject } | { error: JsonObject };
}

/** Sends a request; the whole message has to reach the server, and the whole answer the client. */
export async function expectRelayed(
  client: RecordingClient,
  backend: RecordingBackend,
  { method, params, seen = params, answer }: Relayed,
): Promise<Answer> {
  const before = backend.calls(method).length;
  const id = `${method} ü ${client.messages.length}`;
  const got = await client.request(method, params, id);
  expect(got).toStrictEqual({ jsonrpc: '2.0', id, ...answer });
  expect(backend.calls(method).slice(before)).toStrictEqual([
    { jsonrpc: '2.0', id: expect.any(Number), method, ...(seen && { params: seen }) },
  ]);
  return got;
}

/** Requests of a method that reached the client, whole but for the id, which is the proxy's. */
export function asked(client: RecordingClient, method: string): JsonObject[] {
  return client.received.filter((message) => message['method'] === method && 'id' in message);
}

/** The params of messages. */
export function paramsOf(messages: readonly JsonObject[]): (JsonObject | undefined)[] {
  // `params` of a message is an object or absent.
  return messages.map(({ params }) => params as JsonObject | undefined);
}
