/**
 * What a client is served over: each transport of the MCP SDK has these members (its `Transport`
 * interface), for example one end of its `InMemoryTransport`.
 */
export interface ClientTransport {
  /** Opens the connection; called once. */
  start(): Promise<void>;
  /** Hands a JSON-RPC message to the client. */
  send(message: object): Promise<void>;
  close(): Promise<void>;
  /** Set before `start`: takes the messages of the client. */
  onmessage?(message: object): void;
  onclose?(): void;
  onerror?(error: Error): void;
}
