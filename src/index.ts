/** The public face of the package as a library. */
export type { Config, Problem, RejectedServer, ServerConfig } from './config/config.ts';
export { checkConfig, loadConfig } from './config/load.ts';
export { type ErrorCode, McpMasterError } from './errors.ts';
