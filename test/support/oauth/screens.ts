import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Interaction, Provider } from 'oidc-provider/lib/provider.js';

/**
 * The screens of the authorization server for a person: who are you, and do you allow it? Without
 * styles or scripts, so that `browse` and a browser can use them alike. Any name and password will do.
 */
export async function showScreens(
  provider: Provider,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const interaction = await provider.interactionDetails(request, response);
  if (request.method !== 'POST') return show(response, screen(interaction));
  const form = new URLSearchParams(await text(request));
  await provider.interactionFinished(request, response, await decide(provider, interaction, form));
}

function screen({ prompt, params }: Interaction): string {
  const client = escapeHtml(params['client_id'] ?? '');
  if (prompt.name === 'login') {
    const fields = '<input name="login" type="text"><input name="password" type="password">';
    return `<p>Sign in for ${client}</p>${fields}<button name="decision" value="allow">Go on</button>`;
  }
  const scopes = escapeHtml(params['scope'] ?? 'nothing in particular');
  const [allow, deny] = ['allow', 'deny'].map(
    (decision) => `<button name="decision" value="${decision}">${decision}</button>`,
  );
  return `<p>${client} asks for ${scopes}</p>${allow}${deny}`;
}

async function decide(
  provider: Provider,
  interaction: Interaction,
  form: URLSearchParams,
): Promise<object> {
  if (form.get('decision') === 'deny') {
    return { error: 'access_denied', error_description: 'The person said no' };
  }
  if (interaction.prompt.name === 'login') return { login: { accountId: form.get('login') } };
  return { consent: { grantId: await grant(provider, interaction) } };
}

/** Allows everything that was asked for. */
async function grant(provider: Provider, interaction: Interaction): Promise<string> {
  const { grantId, session, params } = interaction;
  const accountId = session?.accountId;
  const clientId = params['client_id'];
  const old = grantId === undefined ? undefined : await provider.Grant.find(grantId);
  const granted = old ?? new provider.Grant({ accountId, clientId });
  const { missingOIDCScope = [], missingResourceScopes = {} } = interaction.prompt.details;
  if (missingOIDCScope.length > 0) granted.addOIDCScope(missingOIDCScope.join(' '));
  for (const [resource, scopes] of Object.entries(missingResourceScopes)) {
    granted.addResourceScope(resource, scopes.join(' '));
  }
  return granted.save();
}

function show(response: ServerResponse, form: string): void {
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
  response.end(`<!doctype html><title>Test login</title><form method="post">${form}</form>`);
}

function escapeHtml(value: string): string {
  return value.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
