import type { JsonObject } from '../../../src/rpc/message.ts';
import { waitFor, writeConfig } from '../bin.ts';
import type { RecordingBackend } from '../recording.ts';
import type { RecordingClient } from '../recording-client.ts';

/** What the log says of a change, whether or not it came to anything. */
const RELOADED = /the configuration was changed/g;

/** How many changes of the configuration the program has dealt with. */
export function reloads(client: RecordingClient): number {
  return [...client.stderr.matchAll(RELOADED)].length;
}

/** Makes a change, and waits until the program has dealt with one more. */
export async function whileReloading(
  client: RecordingClient,
  change: () => Promise<unknown>,
): Promise<void> {
  const before = reloads(client);
  await change();
  await waitFor(() => reloads(client) > before, {
    ...{ deadline: 15_000, what: `a reload; stderr: ${client.stderr}` },
  });
}

/** Writes the configuration of a running program anew, in place, and waits until that is in use. */
export function reconfigure(
  client: RecordingClient,
  folder: string,
  config: object,
): Promise<void> {
  return whileReloading(client, () => writeConfig(folder, config));
}

/** The processes of a stdio server so far, the oldest first. */
export function pidsOf({ lines }: RecordingBackend): number[] {
  return lines().flatMap(({ event, pid }) => (event === 'start' ? [Number(pid)] : []));
}

export async function toolNames(client: RecordingClient): Promise<string[]> {
  return (await client.listTools()).map(({ name }) => String(name)).sort();
}

/** Waits until these tools are listed, and no others. */
export async function waitForTools(client: RecordingClient, names: string[]): Promise<void> {
  const wanted = JSON.stringify(names.toSorted());
  let listed = '';
  try {
    await waitFor(async () => {
      listed = JSON.stringify(await toolNames(client));
      return listed === wanted;
    });
  } catch (error) {
    throw new Error(`Wanted ${wanted}, got ${listed}`, { cause: error });
  }
}

/** Tools of these names. */
export function tools(...names: string[]): JsonObject[] {
  return names.map((name) => ({ name, inputSchema: { type: 'object' } }));
}

export const TOOLS_CHANGED = 'notifications/tools/list_changed';
