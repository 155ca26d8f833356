import { describe, expect, it } from 'vitest';
import { createAddressGuard, networkOf } from '../../../../src/oauth/discovery/address-guard.ts';

const NAMES: Record<string, string[]> = {
  'public.example': ['8.8.8.8', '2606:4700::1111'],
  'other.example': ['1.1.1.1'],
  'lan.example': ['10.0.0.5'],
  'lan2.example': ['fd00::1'],
  'mixed.example': ['8.8.8.8', '192.168.1.1'],
  'rebound.example': ['127.0.0.1'],
};

async function resolve(hostname: string): Promise<string[]> {
  const addresses = NAMES[hostname];
  if (addresses === undefined) throw new Error(`ENOTFOUND ${hostname}`);
  return addresses;
}

/** Whether a server leads to a URL, perhaps by a redirect of another one. */
async function leadsTo(server: string, url: string, from?: string): Promise<boolean> {
  const guard = await createAddressGuard(new URL(server), resolve);
  const checked = guard.check(new URL(url), from === undefined ? undefined : new URL(from));
  return checked.then(
    () => true,
    (error: unknown) => {
      expect(error).toMatchObject({
        code: 'DISCOVERY_FAILED',
        hint: expect.stringContaining('`issuer`'),
      });
      return false;
    },
  );
}

describe('networkOf', () => {
  it.each([
    ['8.8.8.8', 'public'],
    ['2606:4700::1111', 'public'],
    ['::ffff:8.8.8.8', 'public'],
    ['64:ff9b::808:808', 'public'],
    ['127.0.0.1', 'loopback'],
    ['127.8.8.8', 'loopback'],
    ['::1', 'loopback'],
    ['0.0.0.0', 'loopback'],
    ['::', 'loopback'],
    ['::ffff:127.0.0.1', 'loopback'],
    ['64:ff9b::7f00:1', 'loopback'],
    ['169.254.169.254', 'link-local'],
    ['fe80::1', 'link-local'],
    ['fe80::1%eth0', 'link-local'],
    ['::ffff:169.254.169.254', 'link-local'],
    ['64:ff9b::a9fe:a9fe', 'link-local'],
    ['10.1.2.3', 'private'],
    ['172.31.0.1', 'private'],
    ['192.168.0.1', 'private'],
    ['100.64.0.1', 'private'],
    ['fd00::1', 'private'],
    ['fec0::1', 'private'],
    ['224.0.0.1', 'private'],
    ['255.255.255.255', 'private'],
    ['2002:7f00:1::', 'private'],
    ['64:ff9b:1::808:808', 'private'],
    ['not an address', 'private'],
  ])('of %s is %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});

describe('the address guard', () => {
  it.each([
    ['https://public.example/mcp', 'https://other.example', true],
    ['https://public.example/mcp', 'https://public.example:8443', true],
    ['https://public.example/mcp', 'https://lan.example', false],
    ['https://public.example/mcp', 'https://lan2.example', false],
    ['https://public.example/mcp', 'https://mixed.example', false],
    ['https://public.example/mcp', 'https://rebound.example', false],
    ['https://public.example/mcp', 'http://localhost:3000', false],
    ['https://public.example/mcp', 'http://a.localhost.', false],
    ['https://public.example/mcp', 'https://0x7f.1/', false],
    ['https://public.example/mcp', 'https://[::ffff:10.0.0.1]/', false],
    ['https://public.example/mcp', 'https://169.254.169.254/', false],
    // One public address makes a server public, but its own origin is fine.
    ['https://mixed.example/mcp', 'https://lan.example', false],
    ['https://mixed.example/mcp', 'https://mixed.example/as', true],
    // Names that only a proxy knows.
    ['https://unknown.example/mcp', 'https://other-unknown.example', true],
    ['https://unknown.example/mcp', 'https://lan.example', false],
    ['http://localhost:3000/mcp', 'http://127.0.0.1:4000', true],
    ['http://127.0.0.1:3000/mcp', 'https://lan.example', true],
    ['http://127.0.0.1:3000/mcp', 'https://public.example', true],
    ['http://127.0.0.1:3000/mcp', 'http://169.254.169.254', false],
    ['https://lan.example/mcp', 'https://lan2.example', true],
    ['https://lan.example/mcp', 'https://[fe80::1]/', false],
    ['https://[fe80::1]/mcp', 'https://169.254.1.1/', true],
  ])('%s leads to %s: %s', async (server, url, expected) => {
    expect(await leadsTo(server, url)).toBe(expected);
  });

  it.each([
    ['https://other.example', 'https://public.example', true],
    ['https://other.example', 'http://127.0.0.1:3000', false],
    ['https://other.example', 'https://lan.example', false],
    ['https://lan.example', 'https://lan2.example', true],
    ['https://lan.example', 'http://localhost:3000', false],
    ['https://lan.example', 'https://other.example', true],
    ['http://127.0.0.1:4000', 'http://127.0.0.1:5000', true],
    ['https://other.example', 'https://169.254.169.254', false],
  ])('a redirect of %s, found by a local server, to %s: %s', async (from, url, expected) => {
    expect(await leadsTo('http://127.0.0.1:3000', url, from)).toBe(expected);
  });

  it('names the host, where it was named, and the kind of its address', async () => {
    const guard = await createAddressGuard(new URL('https://public.example/mcp?k=v'), resolve);
    await expect(guard.check(new URL('https://lan.example/secret?k=v'))).rejects.toMatchObject({
      message:
        'public.example leads to lan.example, which has a private address, and is not followed there',
    });
  });
});
