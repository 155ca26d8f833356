import type { AuthHome } from './auth-home.ts';

/** A finding of `doctor --json`. */
interface Finding {
  check: string;
  server: string | null;
  level: 'ok' | 'warning' | 'error';
  message: string;
  hint: string | null;
}

/** Runs `doctor --json`; `of` gives the findings of one check, of one server or of none. */
export async function examine(
  home: AuthHome,
  args: readonly string[] = [],
  env: Readonly<Record<string, string | undefined>> = {},
) {
  const { value, ...ended } = await home.json<Finding[]>(['doctor', ...args], { env });
  const of = (check: string, server: string | null = null) =>
    value.filter((finding) => finding.check === check && finding.server === server);
  return { ...ended, findings: value, of };
}
