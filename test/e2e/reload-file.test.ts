import { readdir, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { waitFor, writeConfig } from '../support/bin.ts';
import {
  pidsOf,
  reconfigure,
  reloads,
  toolNames,
  waitForTools,
  whileReloading,
} from '../support/recording/reload-stage.ts';
import { useStage } from '../support/recording/stage.ts';
import type { RecordingBackend } from '../support/recording.ts';
import { type RecordingClient, startServe } from '../support/recording-client.ts';

const stage = useStage();
const fileOf = (name: string) => join(stage.folder, name);
const textOf = (...backends: RecordingBackend[]) =>
  JSON.stringify({ servers: backends.map(({ entry }, at) => ({ id: `s${at}`, ...entry })) });

async function writeSecretly(file: string, text: string): Promise<void> {
  await writeFile(file, text, { mode: 0o600 });
}

async function serveTwo() {
  const [alpha, beta] = [await stage.backend('alpha'), await stage.backend('beta')];
  const client = await stage.serve({ s0: alpha });
  await waitForTools(client, ['s0__echo']);
  return { alpha, beta, client };
}

/** A client of a program that looks for its configuration by itself. */
async function serveHome(): Promise<RecordingClient> {
  const client = await startServe(undefined, { home: stage.folder });
  await client.initialize();
  return client;
}

function warnings({ stderr }: RecordingClient): string[] {
  return stderr.split('\n').filter((line) => / (warn|error) /.test(line));
}

describe('the configuration file is followed', () => {
  it.each<[string, (text: string) => Promise<unknown>]>([
    ['written in place', (text) => writeSecretly(fileOf('config.json'), text)],
    [
      'replaced by a rename',
      async (text) => {
        await writeSecretly(fileOf('config.json.new'), text);
        await rename(fileOf('config.json.new'), fileOf('config.json'));
      },
    ],
    [
      'deleted and made anew',
      async (text) => {
        await unlink(fileOf('config.json'));
        await writeSecretly(fileOf('config.json'), text);
      },
    ],
    [
      'a link that leads elsewhere',
      async (text) => {
        await writeSecretly(fileOf('elsewhere.json'), text);
        await symlink(fileOf('elsewhere.json'), fileOf('link'));
        await rename(fileOf('link'), fileOf('config.json'));
      },
    ],
  ])('when it is %s', async (_, write) => {
    const { alpha, beta, client } = await serveTwo();
    await whileReloading(client, () => write(textOf(alpha, beta)));
    await waitForTools(client, ['s0__echo', 's1__echo']);
    expect(pidsOf(alpha)).toHaveLength(1);
    expect(reloads(client)).toBe(1);
    expect(warnings(client)).toEqual([]);
  });

  it('behind a link, when what that leads to is written', async () => {
    const [alpha, beta] = [await stage.backend('alpha'), await stage.backend('beta')];
    await writeSecretly(fileOf('elsewhere.json'), textOf(alpha));
    await symlink(fileOf('elsewhere.json'), fileOf('config.json'));
    const client = await serveHome();
    await waitForTools(client, ['s0__echo']);
    await whileReloading(client, () =>
      writeSecretly(fileOf('elsewhere.json'), textOf(alpha, beta)),
    );
    await waitForTools(client, ['s0__echo', 's1__echo']);
    await client.close();
  });

  it('when it appears and when it goes away', async () => {
    const alpha = await stage.backend('alpha');
    const client = await serveHome();
    expect(await toolNames(client)).toEqual([]);
    await whileReloading(client, () => writeSecretly(fileOf('config.json'), textOf(alpha)));
    await waitForTools(client, ['s0__echo']);
    await whileReloading(client, () => rm(fileOf('config.json')));
    expect(await toolNames(client)).toEqual([]);
    expect(client.stderr).toContain('removed: s0');
    expect(warnings(client).at(-1)).toContain('has no configuration yet');
    await client.close();
  });

  it('is not given up when a second one makes it doubtful which is meant', async () => {
    const alpha = await stage.backend('alpha');
    await writeSecretly(fileOf('config.json'), textOf(alpha));
    const client = await serveHome();
    await waitForTools(client, ['s0__echo']);
    await whileReloading(client, () => writeSecretly(fileOf('config.yaml'), 'servers: {}\n'));
    expect(await toolNames(client)).toEqual(['s0__echo']);
    expect(warnings(client)).toEqual([
      expect.stringContaining('there are several configuration files'),
    ]);
    await client.close();
  });

  it('is kept in use when the one that was named goes away', async () => {
    const { alpha, client } = await serveTwo();
    await whileReloading(client, () => rm(fileOf('config.json')));
    expect(warnings(client)).toEqual([expect.stringContaining('the file does not exist')]);
    await client.callTool('s0__echo', { message: 'x' });
    expect(pidsOf(alpha)).toHaveLength(1);
  });

  it.each([
    ['broken YAML', 'servers:\n  - id: s0\n    command: "none\n', 4],
    ['half a file', 'servers:\n  - id: s0\n    args: [', 3],
    ['keys that belong inside an entry', 'oauth:\n  client_id: x\n', 1],
  ])('is kept in use when it becomes %s, until it is mended', async (_, broken, line) => {
    const [alpha, beta] = [await stage.backend('alpha'), await stage.backend('beta')];
    await writeConfig(stage.folder, textOf(alpha), 'config.yaml');
    const client = await serveHome();
    await waitForTools(client, ['s0__echo']);
    await whileReloading(client, () => writeSecretly(fileOf('config.yaml'), broken));
    await client.callTool('s0__echo', { message: 'x' });
    expect(warnings(client)).toHaveLength(1);
    expect(warnings(client)[0]).toContain(`${fileOf('config.yaml')}:${line}: `);
    await whileReloading(client, () => writeSecretly(fileOf('config.yaml'), textOf(alpha, beta)));
    await waitForTools(client, ['s0__echo', 's1__echo']);
    expect(warnings(client)).toHaveLength(1);
    expect(pidsOf(alpha)).toHaveLength(1);
    await client.close();
  });

  it('through fifty changes to the last one', async () => {
    const { alpha, beta, client } = await serveTwo();
    for (let count = 0; count < 50; count += 1) {
      const others = Object.fromEntries(
        Array.from({ length: count % 5 }, (_, at) => [`x${count}-${at}`, beta.entry]),
      );
      await writeConfig(stage.folder, { servers: { s0: alpha.entry, ...others } });
      await new Promise((resolve) => setTimeout(resolve, (count * 7) % 60));
    }
    await writeConfig(stage.folder, { servers: { s0: alpha.entry, last: beta.entry } });
    await waitForTools(client, ['last__echo', 's0__echo']);
    await client.callTool('last__echo', { message: 'x' });
    expect(pidsOf(alpha)).toHaveLength(1);
  });

  it.runIf(process.platform === 'linux')('without using up descriptors', async () => {
    const { alpha, beta, client } = await serveTwo();
    const open = async () => (await readdir(`/proc/${client.pid}/fd`)).length;
    const add = { servers: { s0: alpha.entry, s1: beta.entry } };
    const turn = async (count: number) => {
      await writeSecretly(fileOf('.env'), `COUNT=${count}\n`);
      await reconfigure(client, stage.folder, add);
      await waitForTools(client, ['s0__echo', 's1__echo']);
      await reconfigure(client, stage.folder, { servers: { s0: alpha.entry } });
      await waitForTools(client, ['s0__echo']);
    };
    await turn(0);
    let before = 0;
    await waitFor(async () => {
      const now = await open();
      const isQuiet = now === before;
      before = now;
      return isQuiet;
    });
    for (let count = 1; count <= 4; count += 1) await turn(count);
    await waitFor(async () => (await open()) <= before, { what: `${before} descriptors or fewer` });
  });
});

describe('the .env file is followed', () => {
  const COLOURED = { env: { COLOUR: 'env:COLOUR' } };
  const coloursOf = ({ lines }: RecordingBackend) =>
    lines().flatMap(({ event, env }) => (event === 'start' ? [Object(env)['COLOUR']] : []));

  it('and starts the servers anew that have another value from it', async () => {
    const [alpha, beta] = [await stage.backend('alpha'), await stage.backend('beta')];
    await writeSecretly(fileOf('.env'), 'COLOUR=red\n');
    const client = await stage.serve({
      alpha: { ...alpha, entry: { ...alpha.entry, ...COLOURED } },
      beta,
    });
    await waitForTools(client, ['alpha__echo', 'beta__echo']);
    await whileReloading(client, () => writeSecretly(fileOf('.env'), 'COLOUR=green\nOTHER=1\n'));
    await waitFor(() => pidsOf(alpha).length === 2, { what: 'the new process' });
    await client.callTool('alpha__echo', { message: 'x' });
    expect(coloursOf(alpha)).toEqual(['red', 'green']);
    expect(pidsOf(beta)).toHaveLength(1);
  });

  it('when it appears, and a variable is set that was missing', async () => {
    const [alpha, beta] = [await stage.backend('alpha'), await stage.backend('beta')];
    const client = await stage.serve({
      alpha: { ...alpha, entry: { ...alpha.entry, ...COLOURED } },
      beta,
    });
    await waitForTools(client, ['beta__echo']);
    expect(client.stderr).toContain('COLOUR');
    await whileReloading(client, () => writeSecretly(fileOf('.env'), 'COLOUR=blue\n'));
    await waitForTools(client, ['alpha__echo', 'beta__echo']);
    expect(coloursOf(alpha)).toEqual(['blue']);
  });
});
