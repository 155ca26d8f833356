import { UriTemplate } from '@modelcontextprotocol/sdk/shared/uriTemplate.js';
import type { JsonObject } from '../rpc/message.ts';

/** Before the URI of a resource whose own is another server's, too. */
const ALIAS = 'mcp-master://';

/** Where a request about a URI goes. */
export interface ResourceRoute {
  server: string;
  /** The server's own URI. */
  uri: string;
}

/** A server with the resources and templates that it offers, as it sent them. */
export interface OfferedResources {
  server: string;
  resources: JsonObject[];
  templates: JsonObject[];
}

/**
 * The resources of all servers as the client sees them: under their own URIs, since results and views
 * refer to these. Of two servers with one URI the first in the configuration keeps it; the other's is
 * listed as `mcp-master://<server>/<encoded URI>`.
 */
export class ResourceTable {
  readonly resources: JsonObject[] = [];
  readonly templates: JsonObject[] = [];
  readonly #servers: ReadonlySet<string>;
  /** Listed URI or template -> where it is. */
  readonly #routes = new Map<string, ResourceRoute>();
  /** Templates that are listed under their server, as the server has them. */
  readonly #aliasedTemplates: { server: string; template: string }[] = [];
  readonly #matchers: { server: string; template: UriTemplate }[] = [];

  constructor(servers: OfferedResources[], warn: (message: string) => void) {
    this.#servers = new Set(servers.map(({ server }) => server));
    for (const { server, resources, templates } of servers) {
      this.#add(server, resources, 'uri', this.resources);
      this.#add(server, templates, 'uriTemplate', this.templates);
      this.#match(server, templates, warn);
    }
  }

  /**
   * Where a URI leads: a listed one to its server, an alias to the server that it names, any other to
   * the first server with a template that fits.
   */
  route(uri: string): ResourceRoute | undefined {
    const listed = this.#routes.get(uri) ?? this.#unalias(uri);
    if (listed !== undefined) return listed;
    const fitting = this.#matchers.find(({ template }) => fits(template, uri));
    return fitting && { server: fitting.server, uri };
  }

  /** What the client knows a server's URI as. */
  listed(server: string, uri: string): string {
    const owner = this.#routes.get(uri);
    return owner === undefined || owner.server === server ? uri : alias(server, uri);
  }

  #add(server: string, items: JsonObject[], key: 'uri' | 'uriTemplate', to: JsonObject[]): void {
    for (const item of items) {
      const uri = item[key];
      // Without one it can't be asked for; passed on, it would spoil the list for strict clients.
      if (typeof uri !== 'string') continue;
      const owner = this.#routes.get(uri);
      if (owner?.server === server) continue;
      const shown = owner === undefined ? uri : alias(server, uri);
      this.#routes.set(shown, { server, uri });
      if (owner !== undefined && key === 'uriTemplate') {
        this.#aliasedTemplates.push({ server, template: uri });
      }
      to.push(owner === undefined ? item : { ...item, [key]: shown });
    }
  }

  #match(server: string, templates: JsonObject[], warn: (message: string) => void): void {
    for (const { uriTemplate } of templates) {
      if (typeof uriTemplate !== 'string') continue;
      try {
        this.#matchers.push({ server, template: new UriTemplate(uriTemplate) });
      } catch (error) {
        warn(`template "${uriTemplate}" of server "${server}" is not valid: ${String(error)}`);
      }
    }
  }

  #unalias(uri: string): ResourceRoute | undefined {
    if (!uri.startsWith(ALIAS)) return undefined;
    const slash = uri.indexOf('/', ALIAS.length);
    const server = uri.slice(ALIAS.length, slash);
    if (slash < 0 || !this.#servers.has(server)) return undefined;
    const encoded = uri.slice(slash + 1);
    const filled = this.#aliasedTemplates
      .filter((one) => one.server === server)
      .map(({ template }) => fillIn(template, encoded))
      .find((found) => found !== undefined);
    const own = filled ?? decoded(encoded);
    return own === undefined ? undefined : { server, uri: own };
  }
}

/** The expressions of a template stay what they are, so that a client can fill them in. */
function alias(server: string, uri: string): string {
  // Half a surrogate pair has no encoding; written as UTF-8, it is a replacement character.
  const parts = Buffer.from(uri)
    .toString()
    .split(/(\{[^{}]*\})/);
  const encoded = parts.map((part, at) => (at % 2 === 1 ? part : encodeURIComponent(part)));
  return `${ALIAS}${server}/${encoded.join('')}`;
}

/**
 * The URI of a template whose {@link alias} a client has filled in: the text of the template is
 * decoded, the values are as the client encoded them. Undefined when it is not of that template.
 */
function fillIn(template: string, encoded: string): string | undefined {
  const [first = '', ...texts] = template.split(/\{[^{}]*\}/);
  const start = encodeURIComponent(first);
  if (!encoded.startsWith(start)) return undefined;
  let uri = first;
  let from = start.length;
  for (const [at, text] of texts.entries()) {
    const next = encodeURIComponent(text);
    const isLast = at === texts.length - 1;
    const found = isLast ? encoded.length - next.length : encoded.indexOf(next, from);
    if (found < from || !encoded.startsWith(next, found)) return undefined;
    uri += encoded.slice(from, found) + text;
    from = found + next.length;
  }
  return from === encoded.length ? uri : undefined;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** A URI beyond the length that the template takes fits none. */
function fits(template: UriTemplate, uri: string): boolean {
  try {
    return template.match(uri) !== null;
  } catch {
    return false;
  }
}
