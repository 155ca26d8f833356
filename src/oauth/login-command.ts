/** What a person types to log in. `profile`: '' = none. */
export function loginCommand(server: string, profile = ''): string {
  const within = profile === '' ? '' : ` --profile=${profile}`;
  return `mcp-master auth login --server=${server}${within}`;
}
