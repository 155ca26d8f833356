/** The names of the tools of mcp-master itself; no server can be called `mcp-master`. */
export const STATUS_TOOL = 'mcp-master__status';
export const LOGIN_TOOL = 'mcp-master__login';

/** A server without a prefix could have tools of these names, which then get another one. */
export const BUILTIN_TOOLS: readonly string[] = [STATUS_TOOL, LOGIN_TOOL];
