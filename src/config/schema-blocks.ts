import * as v from 'valibot';
import { isObject, own, type Raw } from './source.ts';

/**
 * A kind of values: what nearly all of them look like, and the schema for the rest, which is not made before there
 * is one. A configuration that is read at each start would otherwise pay for the checks that it does not need.
 */
export interface Kind<S extends v.GenericSchema = v.GenericSchema> {
  /** Whether the schema would certainly give a value back as it is. Of another value nothing is said. */
  isPlain(value: Raw): boolean;
  schema(): S;
}

/** What the values of a kind are once they are checked. */
export type Output<K extends Kind> = v.InferOutput<ReturnType<K['schema']>>;

/** Names the kind of a schema after its parts. */
export const defineKind = <S extends v.GenericSchema>(kind: Kind<S>): Kind<S> => kind;

/** A key that may be missing, with what the reference says of it. */
export const setting = <S extends v.GenericSchema>(kind: Kind<S>, description: string) =>
  defineKind({
    isPlain: kind.isPlain,
    schema: () => v.optional(v.pipe(kind.schema(), v.description(description))),
  });

type Settings = Readonly<Record<string, Kind>>;

/** The schemas of some settings, by key. */
type SchemasOf<E extends Settings> = { [K in keyof E]: ReturnType<E[K]['schema']> };

/** A mapping with settings in it; unknown keys have been taken out. */
export interface Block<E extends Settings = Settings>
  extends Kind<v.ObjectSchema<SchemasOf<E>, undefined>> {
  readonly entries: E;
}

/** The block with these settings. */
export function blockOf<E extends Settings>(entries: E): Block<E> {
  let made: v.ObjectSchema<SchemasOf<E>, undefined> | undefined;
  return {
    entries,
    isPlain: (value) =>
      isObject(value) &&
      Object.keys(value).every((key) => own(entries, key)?.isPlain(value[key] ?? null)),
    schema() {
      made ??= v.object(schemasOf(entries));
      return made;
    },
  };
}

function schemasOf<E extends Settings>(entries: E): SchemasOf<E> {
  const schemas = Object.entries(entries).map(([key, kind]) => [key, kind.schema()]);
  // The same keys, each with the schema of its kind.
  return Object.fromEntries(schemas) as SchemasOf<E>;
}

/** A block inside another one. For a `v.object` alone, a list would do, too. */
export const nested = <E extends Settings>(block: Block<E>) =>
  defineKind({
    isPlain: block.isPlain,
    schema: () =>
      v.pipe(
        v.custom<v.InferInput<ReturnType<Block<E>['schema']>>>(isObject, 'a mapping'),
        block.schema(),
      ),
  });
