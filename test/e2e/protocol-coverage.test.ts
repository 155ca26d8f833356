import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  ClientNotificationSchema,
  ClientRequestSchema,
  LATEST_PROTOCOL_VERSION,
  ServerNotificationSchema,
  ServerRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, it } from 'vitest';

/** `test/protocol-coverage.md` against the schema of the SDK and the tests that it names. */

const HERE = dirname(fileURLToPath(import.meta.url));
const CLIENT = 'Client to server';
const SERVER = 'Server to client';

interface Row {
  section: string;
  /** A method without its back quotes, or what is covered. */
  what: string;
  file: string;
  title: string;
}

const rows = readRows(readFileSync(join(HERE, '..', 'protocol-coverage.md'), 'utf8'));

/** The rows of the tables, each with the heading above it. */
function readRows(text: string): Row[] {
  return text.split(/^## /m).flatMap((part) => {
    const [section = '', ...lines] = part.split('\n');
    const table = lines.filter((line) => line.startsWith('|')).slice(2);
    return table.map((line) => {
      const [, what = '', file = '', title = ''] = line.split('|').map((cell) => cell.trim());
      return { section, what: what.replaceAll('`', ''), file, title };
    });
  });
}

/** The methods of a union of the SDK's schema. */
function methodsOf({ options }: { options: readonly { shape: { method: { value: string } } }[] }) {
  return options.map(({ shape }) => shape.method.value);
}

describe('the table of the protocol', () => {
  it('is about the revision that the SDK has', () => {
    expect(LATEST_PROTOCOL_VERSION).toBe('2025-11-25');
  });

  it.each([
    [CLIENT, [...methodsOf(ClientRequestSchema), ...methodsOf(ClientNotificationSchema)]],
    [SERVER, [...methodsOf(ServerRequestSchema), ...methodsOf(ServerNotificationSchema)]],
  ])('has every method and notification, and no other: %s', (section, methods) => {
    const covered = rows.filter((row) => row.section === section).map(({ what }) => what);
    expect([...new Set(covered)].sort()).toEqual(methods.toSorted());
  });

  it('names tests that exist', () => {
    expect(rows.length).toBeGreaterThan(0);
    for (const { file, title } of rows) {
      const source = readFileSync(join(HERE, file), 'utf8');
      expect(source, `${file}: ${title}`).toContain(`'${title}'`);
    }
  });

  it('names every file of tests of the protocol', () => {
    const files = readdirSync(HERE).filter((file) => /^protocol-.*\.test\.ts$/.test(file));
    const named = new Set([...rows.map(({ file }) => file), 'protocol-coverage.test.ts']);
    expect(files.filter((file) => !named.has(file))).toEqual([]);
  });
});
