/** One challenge of a `WWW-Authenticate` header (RFC 9110 §11.3). */
export interface SchemeChallenge {
  /** In lower case. */
  scheme: string;
  /** What stands there instead of parameters, as with `Negotiate`. */
  token68: string | undefined;
  /** By their names in lower case; the first of two with one name. */
  parameters: Map<string, string>;
}

/** What separates list elements; RFC 9110 §5.6.1 allows empty ones. */
const SEPARATORS = /[\s,]*/y;

/**
 * `name=value` with blanks around the `=` (RFC 9110 §11.2). A value without quotes may hold more than
 * the grammar allows, since servers send URLs so; quotes that are never closed reach to the end.
 */
const PARAMETER =
  /([!#$%&'*+.^_`|~\w-]+)\s*=\s*(?:"((?:[^"\\]|\\[\s\S])*)(?:"|\\?$)|([^\s,"=][^\s,"]*))/y;

const SCHEME = /([!#$%&'*+.^_`|~\w-]+)/y;

const TOKEN68 = /[ \t]+([\w.~+/-]+=*)[ \t]*(?=,|$)/y;

/** What fits nowhere. */
const JUNK = /[^,]+/y;

/**
 * The challenges of a `WWW-Authenticate` header, or of several that were joined with commas (RFC 9110
 * §11.6.1). Never throws: what does not fit the grammar is left out up to the next comma.
 */
export function parseSchemes(header: string): SchemeChallenge[] {
  const found: SchemeChallenge[] = [];
  let at = 0;
  const take = (form: RegExp) => {
    form.lastIndex = at;
    const match = form.exec(header);
    if (match !== null) at = form.lastIndex;
    return match;
  };
  for (;;) {
    take(SEPARATORS);
    if (at >= header.length) return found;
    const parameter = take(PARAMETER);
    if (parameter !== null) addParameter(found.at(-1), parameter);
    else {
      const [, scheme] = take(SCHEME) ?? [];
      if (scheme === undefined) take(JUNK);
      else
        found.push({
          scheme: scheme.toLowerCase(),
          token68: take(TOKEN68)?.[1],
          parameters: new Map(),
        });
    }
  }
}

function addParameter(
  challenge: SchemeChallenge | undefined,
  [, name = '', quoted, plain = '']: RegExpExecArray,
): void {
  const key = name.toLowerCase();
  if (challenge === undefined || challenge.parameters.has(key)) return;
  challenge.parameters.set(key, quoted?.replace(/\\([\s\S])/g, '$1') ?? plain);
}
