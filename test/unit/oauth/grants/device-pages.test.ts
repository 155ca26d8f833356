import { describe, expect, it } from 'vitest';
import { checkDevicePages } from '../../../../src/oauth/grants/device-pages.ts';

const NAMES: Record<string, string[]> = {
  'as.example': ['8.8.8.8'],
  'pages.example': ['1.1.1.1'],
  'lan.example': ['10.0.0.5'],
  'rebound.example': ['127.0.0.1'],
};

async function resolve(hostname: string): Promise<string[]> {
  const addresses = NAMES[hostname];
  if (addresses === undefined) throw new Error(`ENOTFOUND ${hostname}`);
  return addresses;
}

function checked(url: string, urlComplete?: string, endpoint = 'https://as.example/device') {
  return checkDevicePages({ url, urlComplete }, endpoint, { resolve });
}

describe('checkDevicePages', () => {
  it.each([
    'https://as.example/activate',
    'https://pages.example/activate?lang=en#code',
    'https://unknown.example/',
  ])('lets a person go to %s', async (url) => {
    await checked(url);
    await checked('https://as.example/', url);
  });

  it('lets a server on this computer send a person to this computer, and to the internet', async () => {
    const endpoint = 'http://127.0.0.1:4000/device';
    await checked('http://localhost:5000/device', 'http://127.0.0.1:4000/device?c=1', endpoint);
    await checked('https://pages.example/', undefined, endpoint);
  });

  it.each([
    ['javascript:alert(1)', 'INSECURE_URL', 'no https address'],
    ['file:///etc/passwd', 'INSECURE_URL', 'no https address'],
    ['http://pages.example/', 'INSECURE_URL', 'no https address'],
    ['vscode://open?x=1', 'INSECURE_URL', 'no https address'],
    ['/activate', 'INSECURE_URL', 'no https address'],
    ['not a url', 'INSECURE_URL', 'no https address'],
    ['https://as.example@evil.example/', 'DISCOVERY_FAILED', 'a user name before evil.example'],
    ['https://lan.example/', 'DISCOVERY_FAILED', 'has a private address'],
    ['https://10.1.2.3/', 'DISCOVERY_FAILED', 'has a private address'],
    ['http://localhost:8080/delete', 'DISCOVERY_FAILED', 'has a loopback address'],
    ['https://rebound.example/', 'DISCOVERY_FAILED', 'has a loopback address'],
    ['http://169.254.169.254/latest', 'INSECURE_URL', 'no https address'],
    ['https://169.254.169.254/latest', 'DISCOVERY_FAILED', 'has a link-local address'],
  ])('does not let a public server send a person to %s', async (url, code, why) => {
    const expected = { code, message: expect.stringContaining(why), hint: expect.any(String) };
    await expect(checked(url)).rejects.toMatchObject(expected);
    await expect(checked('https://as.example/', url)).rejects.toMatchObject(expected);
  });

  it('names the address without what may be secret in it', async () => {
    const url = 'http://pages.example/a?secret=1';
    await expect(checked(url)).rejects.toMatchObject({
      message: expect.not.stringContaining('secret'),
    });
  });
});
