/** A variable that a text refers to. */
export interface VariableUse {
  name: string;
  /** Where `:-default` stands in for an absent or empty variable, it counts as set. */
  state: 'set' | 'empty' | 'unset';
  value: string;
}

/** A text with its references filled in. */
export interface Expansion {
  /** What is unset or malformed stays as it was written. */
  value: string;
  variables: VariableUse[];
  /** References that are none, as they were written: `${input:x}`, `${}`, `keyring:`. */
  malformed: string[];
  /** The stored secret that the whole text names; `value` is then ''. */
  secret: string | undefined;
}

/** The value of a variable; undefined when it is not set. */
export type Lookup = (name: string) => string | undefined;

const REFERENCE = /\$\$\{|\$\{([^}]*)\}|\$\{/g;
const VARIABLE = /^(?:env:)?([A-Za-z_]\w*)(?::-([\s\S]*))?$/;
const WHOLE = /^(env|keyring):([\s\S]*)$/;
const VARIABLE_NAME = /^[A-Za-z_]\w*$/;
const SECRET_NAME = /^[A-Za-z0-9][\w.-]*$/;

/**
 * Fills in `${VAR}`, `${env:VAR}`, `${VAR:-default}` (the default also for an empty variable) and the
 * whole-text forms `env:VAR` and `keyring:NAME`; `$${` becomes `${`. Values are taken as they are:
 * a reference in a variable's value is not one. Never throws.
 */
export function expand(text: string, lookup: Lookup): Expansion {
  const whole = WHOLE.exec(text);
  return whole ? expandWhole(text, whole[1], whole[2] ?? '', lookup) : expandParts(text, lookup);
}

/** Whether {@link expand} would give a text back as it is. */
export function isVerbatim(text: string): boolean {
  return !text.includes('${') && !text.startsWith('env:') && !text.startsWith('keyring:');
}

/** Whether a text has a reference in it, well-formed or not. */
export function hasReference(text: string): boolean {
  return WHOLE.test(text) || text.replaceAll('$${', '').includes('${');
}

/** The two parts of a whole-text reference, `env:VAR` or `keyring:NAME`; undefined if it is none. */
export function wholeReference(
  text: string,
): { kind: 'env' | 'keyring'; name: string } | undefined {
  const [, kind, name = ''] = WHOLE.exec(text) ?? [];
  if (kind === 'env' && VARIABLE_NAME.test(name)) return { kind, name };
  if (kind === 'keyring' && SECRET_NAME.test(name)) return { kind, name };
  return undefined;
}

function expandWhole(
  text: string,
  kind: string | undefined,
  name: string,
  lookup: Lookup,
): Expansion {
  const malformed = { value: text, variables: [], malformed: [`${kind}:…`], secret: undefined };
  if (!wholeReference(text)) return malformed;
  if (kind === 'keyring') return { value: '', variables: [], malformed: [], secret: name };
  const use = resolve(name, undefined, lookup);
  const value = use.state === 'unset' ? text : use.value;
  return { value, variables: [use], malformed: [], secret: undefined };
}

function expandParts(text: string, lookup: Lookup): Expansion {
  const variables: VariableUse[] = [];
  const malformed: string[] = [];
  const value = text.replace(REFERENCE, (reference: string, inner: string | undefined) => {
    if (reference === '$${') return '${';
    const [, name, fallback] = VARIABLE.exec(inner ?? '') ?? [];
    if (name === undefined || fallback?.includes('${')) {
      malformed.push(reference);
      return reference;
    }
    const use = resolve(name, fallback, lookup);
    variables.push(use);
    return use.state === 'unset' ? reference : use.value;
  });
  return { value, variables, malformed, secret: undefined };
}

function resolve(name: string, fallback: string | undefined, lookup: Lookup): VariableUse {
  const value = lookup(name);
  if (fallback !== undefined) return { name, state: 'set', value: value || fallback };
  if (value === undefined) return { name, state: 'unset', value: '' };
  return { name, state: value === '' ? 'empty' : 'set', value };
}
