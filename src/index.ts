/** The public face of the package as a library. */
export { MultiAuthManager } from './auth/multi-auth-manager.ts';
export type { MasterSettings } from './auth/strategies.ts';
export type { AuthRequest, AuthStrategy, StrategyName } from './auth/strategy.ts';
export type {
  Config,
  OAuthSettings,
  Problem,
  RejectedServer,
  ServerConfig,
} from './config/config.ts';
export { type ErrorCode, McpMasterError } from './errors.ts';
export type { ClientTransport } from './library/client-transport.ts';
export { type LoadedConfig, type LoadOptions, loadConfig } from './library/load-config.ts';
export {
  type MasterConfig,
  MasterServer,
  type MasterServerOptions,
} from './library/master-server.ts';
export {
  type FlowControllerOptions,
  type LoginAttempt,
  OAuthFlowController,
  type PendingLogin,
} from './oauth/flow/flow-controller.ts';
