import picomatch from 'picomatch';
import type { ToolSettings } from '../config/config.ts';

/** Tool names are no paths: `*` matches a `/`, and a leading `!` or `.` means nothing. */
const GLOB_OPTIONS = { bash: true, dot: true, nonegate: true } as const;

/** Whether a tool of a server is shown, by the server's own name for it: `deny` wins over `allow`. */
export function toolFilter({ allow, deny }: ToolSettings): (tool: string) => boolean {
  if (allow === undefined && deny.length === 0) return () => true;
  const denied = deny.length === 0 ? () => false : picomatch(deny, GLOB_OPTIONS);
  // picomatch takes an empty list for "everything"; an empty list of allowed tools allows none.
  if (allow?.length === 0) return () => false;
  const allowed = allow === undefined ? () => true : picomatch(allow, GLOB_OPTIONS);
  return (tool) => allowed(tool) && !denied(tool);
}
