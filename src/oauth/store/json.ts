import * as v from 'valibot';

/** The value of a JSON text; undefined when it is none, or not of the schema. */
export function parseJson<S extends v.GenericSchema>(
  schema: S,
  text: string,
): v.InferOutput<S> | undefined {
  try {
    const { success, output } = v.safeParse(schema, JSON.parse(text));
    return success ? output : undefined;
  } catch {
    return undefined;
  }
}

/** A number; JSON can write ones that are too large for one. */
export const number = () => v.pipe(v.number(), v.finite());
