import { aliasesOf, describedKeys } from './json-schema.ts';
import { BLOCKS, ENTRY_KEYS, type KeySet } from './keys.ts';
import {
  apiKeySchema,
  localSchema,
  oauthSchema,
  rateLimitSchema,
  serverSchema,
  serveSchema,
  tokensSchema,
  toolsSchema,
} from './schema.ts';
import type { Block } from './schema-blocks.ts';

/** The blocks of the reference: name -> schema. */
const SECTIONS: Readonly<Record<string, Block>> = {
  server: serverSchema,
  auth_config: oauthSchema,
  api_key: apiKeySchema,
  config: localSchema,
  tools: toolsSchema,
  rate_limit: rateLimitSchema,
  serve: serveSchema,
  tokens: tokensSchema,
};

/** The text of docs/configuration.md with each table between `<!-- keys: x -->` marks made anew. */
export function withTables(markdown: string): string {
  return markdown.replace(
    /(<!-- keys: (\w+) -->\n)[\s\S]*?(<!-- \/keys -->)/g,
    (_, start: string, name: string, end: string) => `${start}\n${tableOf(name)}\n${end}`,
  );
}

/** The names of all blocks that have a table. */
export function tableNames(): string[] {
  return Object.keys(SECTIONS);
}

function tableOf(name: string): string {
  const schema = SECTIONS[name];
  if (!schema) throw new Error(`there is no block "${name}" to make a table of`);
  const keys: KeySet =
    name === 'server' ? ENTRY_KEYS : (BLOCKS[name] ?? { known: [], aliases: {} });
  const rows = describedKeys(schema).map(({ key, description, choices }) => {
    const words = choices.map((choice) => `\`${choice}\``).join(', ');
    const meaning = words === '' ? description : `${description} One of ${words}.`;
    const aliases = aliasesOf(key, keys).map((alias) => `\`${alias}\``);
    return [`\`${key}\``, aliases.join(', '), meaning.replaceAll('|', '\\|')];
  });
  return aligned(['Key', 'Also', 'Meaning'], rows);
}

/** A table as the formatter of the project would write it. */
function aligned(head: string[], rows: string[][]): string {
  const widths = head.map((title, column) =>
    Math.max(...[title, ...rows.map((row) => row[column] ?? '')].map(({ length }) => length)),
  );
  const line = (cells: string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const rule = widths.map((width) => '-'.repeat(width));
  return [head, rule, ...rows].map(line).concat('').join('\n');
}
