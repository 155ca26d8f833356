import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { createTempFolder } from '../support/bin.ts';
import { makeCertificates } from '../support/http/certificates.ts';
import { expectHarmless, spoiled } from '../support/oauth/refresh-fault-row.ts';
import { createRefreshStage, type StageOptions } from '../support/oauth/refresh-fault-stage.ts';
import { untilTestEnds } from '../support/oauth/test-lifetime.ts';

const NETWORK = /^Check the network, VPN and proxy, and try again\.$/;

const openStage = (options: StageOptions) => untilTestEnds(createRefreshStage(options));

describe('a token endpoint that speaks TLS', () => {
  const unknown = /^Start mcp-master with NODE_EXTRA_CA_CERTS naming the PEM file/;
  const wrong = /^Check the host in `url`, the clock of this machine, and the certificate/;

  it('can not be trusted for a while, or speaks no TLS at all', async () => {
    const [good, expired, another, nobody] = [
      makeCertificates(),
      makeCertificates(undefined, -1),
      makeCertificates('DNS:another.test'),
      makeCertificates(),
    ];
    const folder = await untilTestEnds(temporary());
    const authorities = join(folder.path, 'authorities.pem');
    const trusted = [good, expired, another].map(({ authorityFile }) => readFile(authorityFile));
    await writeFile(authorities, Buffer.concat(await Promise.all(trusted)));
    const stage = await openStage({ identity: good, env: { NODE_EXTRA_CA_CERTS: authorities } });
    const untrusted = /the certificate of https:\/\/127\S+ is not trusted/;
    await expectHarmless(stage, spoiled({ tls: nobody }), { message: untrusted, hint: unknown });
    await expectHarmless(stage, spoiled({ tls: expired }), { message: untrusted, hint: wrong });
    await expectHarmless(stage, spoiled({ tls: another }), { message: untrusted, hint: wrong });
    const plain = /https:\/\/127\S+ does not speak TLS as expected/;
    await expectHarmless(stage, spoiled({ tls: 'none' }), { message: plain, hint: NETWORK });
  });

  it('has a name that is not known for a while', async () => {
    const host = 'token.invalid';
    const { authorityFile, ...identity } = makeCertificates(`DNS:${host}`);
    const names = await startNames(host);
    const env = { NODE_EXTRA_CA_CERTS: authorityFile, NODE_OPTIONS: `--require=${names.program}` };
    const stage = await openStage({ identity, host, env });
    await expectHarmless(
      stage,
      { begin: names.forget, end: names.know },
      { message: /the host name (is unknown|could not be looked up)/, hint: NETWORK },
    );
  });
});

async function temporary() {
  const { path, remove } = await createTempFolder();
  return { path, close: remove };
}

/** A program to load before others, in which a host is this computer while it is known. */
async function startNames(host: string) {
  const { path } = await untilTestEnds(temporary());
  const [program, mark] = [join(path, 'names.cjs'), join(path, 'known')];
  const known = `name === ${JSON.stringify(host)} && existsSync(${JSON.stringify(mark)})`;
  const lines = [
    `const { existsSync } = require('node:fs');`,
    `const dns = require('node:dns');`,
    `const { lookup } = dns;`,
    `dns.lookup = (name, ...rest) => lookup(${known} ? '127.0.0.1' : name, ...rest);`,
  ];
  await writeFile(program, lines.join('\n'));
  const know = () => writeFile(mark, '');
  await know();
  return { program, know, forget: () => rm(mark) };
}
