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

const ENDPOINT = 'https://as.example/device';

function checked(url: string, urlComplete?: string, endpoint = ENDPOINT, settings = {}) {
  const shown = { url, urlComplete, userCode: 'WDJB-MJHT' };
  return checkDevicePages(shown, { endpoint, settings }, { resolve });
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

  it.each([
    [
      'https://as.example/\u001b[2J\r\nhttps://github.com/login/device',
      'https://as.example/%1B[2Jhttps://github.com/login/device',
    ],
    ['https://as.example/a?c=\u202e\u009bx y', 'https://as.example/a?c=%E2%80%AE%C2%9Bx%20y'],
    ['https://as.example/#\u0007\u2028x', 'https://as.example/#%07%E2%80%A8x'],
    ['  HTTPS://AS.example/a\t', 'https://as.example/a'],
    ['https://g\u0456thub.com/', 'https://xn--gthub-n2e.com/'],
  ])('shows %j as the browser reads it', async (text, href) => {
    expect(await checked(text, text)).toEqual({
      ...{ url: href, urlComplete: href, userCode: 'WDJB-MJHT' },
    });
    expect(href).toMatch(/^[\x21-\x7e]+$/);
  });

  it('lets an endpoint that the user has named send a person into his own network', async () => {
    const settings = { deviceAuthorizationEndpoint: ENDPOINT };
    const url = 'https://lan.example/activate';
    expect(await checked(url, url, ENDPOINT, settings)).toMatchObject({ url, urlComplete: url });
    for (const bad of ['http://lan.example/', 'javascript:alert(1)', 'https://a@lan.example/'])
      await expect(checked(url, bad, ENDPOINT, settings)).rejects.toThrow('can not be shown');
  });

  it('says what helps against the guard, which is not what helps in a discovery', async () => {
    await expect(checked('https://lan.example/')).rejects.toMatchObject({
      hint: expect.stringMatching(/^If that address is right, set `device_authorization_endpoint`/),
    });
  });

  it('shows no address that nobody can read', async () => {
    await expect(checked(`https://as.example/${'a'.repeat(3000)}`)).rejects.toMatchObject({
      ...{ code: 'DISCOVERY_FAILED', message: expect.stringMatching(/more than 2000 characters$/) },
    });
  });

  it.each(['WDJB-MJHT', 'abcdef', '0815_4711', 'A'])('shows the code %s', async (userCode) => {
    const shown = { url: 'https://as.example/', urlComplete: undefined, userCode };
    const checking = checkDevicePages(shown, { endpoint: ENDPOINT, settings: {} }, { resolve });
    expect(await checking).toEqual(shown);
  });

  it.each([
    '',
    'AB CD',
    'AB\u001b[2J',
    'AB\u202eCD',
    'AB\u200bCD',
    '\u0410\u0412-CD',
    'https://evil.example',
    'evil.example',
    'A\n',
    'A'.repeat(65),
  ])('does not show the code %j', async (userCode) => {
    const shown = { url: 'https://as.example/', urlComplete: undefined, userCode };
    const checking = checkDevicePages(shown, { endpoint: ENDPOINT, settings: {} }, { resolve });
    const error = await checking.catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'TOKEN_REQUEST_FAILED',
      message: expect.stringMatching(
        /^the login can not be shown: user_code is "[^\p{Cc}\u202e]*"/u,
      ),
      hint: expect.stringContaining('Tell whoever runs the authorization server'),
    });
  });
});
