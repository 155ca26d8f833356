import type { Context } from 'oidc-provider/lib/provider.js';

/**
 * The pages of RFC 8628 §3.3 for a person: which code, and is it the one that the device shows? In the
 * same manner as the other screens, so that `browse` can use them.
 */
export const deviceScreens = {
  /** @param error why the code before was no good; nothing is asked again then */
  async userCodeInputSource(ctx: Context, form: string, _out?: object, error?: Error) {
    ctx.body = error === undefined ? page(form) : page(`<p>${error.name}</p>`);
  },
  async userCodeConfirmSource(
    ctx: Context,
    form: string,
    _client: object,
    _info: object,
    code: string,
  ) {
    const buttons =
      '<button name="decision" value="allow">allow</button><button name="abort" value="deny">deny</button>';
    ctx.body = page(`<p>${code}</p>${form.replace('</form>', `${buttons}</form>`)}`);
  },
  async successSource(ctx: Context) {
    ctx.body = page('<p>You may go back to your device</p>');
  },
};

function page(body: string): string {
  return `<!doctype html><title>Test device login</title>${body}`;
}
