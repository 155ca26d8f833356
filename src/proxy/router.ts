import type { ServerConfig } from '../config/config.ts';
import type { JsonObject } from '../rpc/message.ts';
import { BUILTIN_TOOLS } from './builtin-names.ts';
import { type Catalogue, LIST_KINDS, type Lists } from './catalogue.ts';
import { viewOf } from './mentions.ts';
import { itemsByName, joinNamed, type NamedRoute, type NamedTable } from './named-table.ts';
import { type ResourceRoute, ResourceTable } from './resource-table.ts';
import { shownTools } from './shown-tools.ts';

/** URIs that were seen in results and listed nowhere; the oldest are forgotten first. */
const MENTIONS_KEPT = 10_000;

/** What a router takes from the configuration. */
export interface RouterSettings {
  /** In the order of the configuration. */
  servers: ServerConfig[];
  nameLimit: number;
}

/** What the router is made of. */
export interface RouterOptions extends RouterSettings {
  catalogue: Catalogue;
  warn(message: string): void;
}

/**
 * The joined lists of all servers as they are known now, and the way from a name or URI of theirs to
 * the server that it belongs to: always by look-up, never by taking a name apart.
 */
export class Router {
  #options: RouterOptions;
  readonly #warned = new Set<string>();
  readonly #mentions = new Map<string, string>();
  #tools: NamedTable | undefined;
  #prompts: NamedTable | undefined;
  #resources: ResourceTable | undefined;

  constructor(options: RouterOptions) {
    this.#options = options;
  }

  /** Forgets what was made of these lists. */
  invalidate(changed: ReadonlySet<keyof Lists>): void {
    if (changed.has('tools')) this.#tools = undefined;
    if (changed.has('prompts')) this.#prompts = undefined;
    if (changed.has('resources') || changed.has('resourceTemplates')) this.#resources = undefined;
  }

  /** Joins the lists in another way from now on. */
  reconfigure(settings: RouterSettings): void {
    this.#options = { ...this.#options, ...settings };
    this.invalidate(new Set(LIST_KINDS));
  }

  /** All lists as they are shown now, for {@link changedSince}. */
  shown(): Lists {
    return {
      tools: this.tools(),
      resources: this.resources(),
      resourceTemplates: this.resourceTemplates(),
      prompts: this.prompts(),
    };
  }

  /** The lists that are shown differently now. */
  changedSince(before: Lists): Set<keyof Lists> {
    const isOther = (kind: keyof Lists) =>
      JSON.stringify(before[kind]) !== JSON.stringify(this[kind]());
    return new Set(LIST_KINDS.filter(isOther));
  }

  tools(): JsonObject[] {
    return this.#toolTable().items;
  }

  prompts(): JsonObject[] {
    return this.#promptTable().items;
  }

  resources(): JsonObject[] {
    return this.#resourceTable().resources;
  }

  resourceTemplates(): JsonObject[] {
    return this.#resourceTable().templates;
  }

  tool(name: string): NamedRoute | undefined {
    return this.#toolTable().routes.get(name);
  }

  toolNames(): string[] {
    return [...this.#toolTable().routes.keys()];
  }

  /** How many tools of a server are shown. */
  countTools(server: string): number {
    return [...this.#toolTable().routes.values()].filter((route) => route.server === server).length;
  }

  prompt(name: string): NamedRoute | undefined {
    return this.#promptTable().routes.get(name);
  }

  /** By what is listed, then by template, then by the server whose result mentioned it. */
  resource(uri: string): ResourceRoute | undefined {
    const known = this.#resourceTable().route(uri);
    if (known !== undefined) return known;
    const server =
      this.#mentions.get(uri) ?? this.#serverWithView(uri) ?? this.#onlyServerWithResources();
    return server === undefined ? undefined : { server, uri };
  }

  /** What the client knows a server's URI as. */
  listedUri(server: string, uri: string): string {
    return this.#resourceTable().listed(server, uri);
  }

  /** Remembers whose result mentioned a URI. */
  mention(server: string, uri: string): void {
    this.#mentions.delete(uri);
    this.#mentions.set(uri, server);
    const [oldest] = this.#mentions.keys();
    if (this.#mentions.size > MENTIONS_KEPT && oldest !== undefined) this.#mentions.delete(oldest);
  }

  #toolTable(): NamedTable {
    this.#tools ??= this.#joinNamed((config, { tools }) => shownTools(config, tools, this.#warn));
    return this.#tools;
  }

  #promptTable(): NamedTable {
    this.#prompts ??= this.#joinNamed(({ name }, { prompts }) =>
      itemsByName(prompts, `a prompt of server "${name}"`, this.#warn),
    );
    return this.#prompts;
  }

  #resourceTable(): ResourceTable {
    this.#resources ??= new ResourceTable(
      this.#known().map(([{ name: server }, { resources, resourceTemplates: templates }]) => ({
        server,
        resources,
        templates,
      })),
      this.#warn,
    );
    return this.#resources;
  }

  #joinNamed(
    itemsOf: (config: ServerConfig, lists: Lists) => ReadonlyMap<string, JsonObject>,
  ): NamedTable {
    const offers = this.#known().map(([config, lists]) => ({
      config,
      items: itemsOf(config, lists),
    }));
    const { nameLimit } = this.#options;
    return joinNamed(offers, { nameLimit, reserved: BUILTIN_TOOLS, warn: this.#warn });
  }

  #known(): [ServerConfig, Lists][] {
    return this.#options.servers.flatMap((config) => {
      const entry = this.#options.catalogue.get(config);
      return entry === undefined ? [] : [[config, entry] satisfies [ServerConfig, Lists]];
    });
  }

  #serverWithView(uri: string): string | undefined {
    return this.#known().find(([, { tools }]) => tools.some((tool) => viewOf(tool) === uri))?.[0]
      .name;
  }

  /** A URI that nobody has mentioned can only be meant for one server, if only one has resources. */
  #onlyServerWithResources(): string | undefined {
    const { servers, catalogue } = this.#options;
    const [first, second] = servers.filter(
      (server) => catalogue.get(server)?.capabilities['resources'] !== undefined,
    );
    return second === undefined ? first?.name : undefined;
  }

  /** The tables are made anew with each change; what is wrong with them is said once. */
  readonly #warn = (message: string): void => {
    if (this.#warned.has(message)) return;
    this.#warned.add(message);
    this.#options.warn(message);
  };
}
