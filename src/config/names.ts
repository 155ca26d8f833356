const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/;

/** They name the master itself: `auth login --server=master`, the prefix of the built-in tools. */
const RESERVED = ['master', 'mcp-master'];

/** What is wrong with the name of a server, and what to do; undefined when nothing is. */
export function nameProblem(name: string): { message: string; hint: string } | undefined {
  if (RESERVED.includes(name.toLowerCase())) {
    return {
      message: `the name "${name}" is reserved for mcp-master itself`,
      hint: `Use another name, such as "${name}-server".`,
    };
  }
  if (NAME.test(name)) return undefined;
  return {
    message: `the name ${JSON.stringify(name)} does not fit: expected up to 32 letters, digits, "_" and "-", a letter or digit first`,
    hint: `Use another name, such as "${suggestName(name)}".`,
  };
}

/** A valid name that resembles a given one. */
function suggestName(name: string): string {
  const plain = name.normalize('NFKD').replace(/\p{M}/gu, '');
  const valid = plain.replace(/[^A-Za-z0-9_-]+/g, '-').replace(/^[-_]+/, '');
  const short = valid.slice(0, 32).replace(/-+$/, '');
  return short === '' || RESERVED.includes(short.toLowerCase()) ? 'my-server' : short;
}
