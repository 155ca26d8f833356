/** The revision of MCP by which we look for a login; named in each request, as clients do. */
export const MCP_REVISION = '2025-11-25';
