/** What Claude Desktop needs in order to start mcp-master. */

/** Where Claude Desktop keeps its configuration, by platform. */
export const CLAUDE_DESKTOP_FILES = {
  darwin: ['macOS', '~/Library/Application Support/Claude/claude_desktop_config.json'],
  win32: ['Windows', '%APPDATA%\\Claude\\claude_desktop_config.json'],
  linux: ['Linux', '~/.config/Claude/claude_desktop_config.json'],
};

/** The snippet for that file. */
export function claudeDesktopSnippet(bin, config) {
  const args = [bin, 'serve', '--config', config];
  return { mcpServers: { 'mcp-master': { command: process.execPath, args } } };
}
