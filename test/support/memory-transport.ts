import type { Message } from '../../src/rpc/message.ts';
import type { Transport } from '../../src/rpc/transport.ts';

/** A transport without a wire: keeps what is sent, and lets a test play the other side. */
export class MemoryTransport implements Transport {
  onmessage?: Transport['onmessage'];
  onfailure?: Transport['onfailure'];
  onerror?: Transport['onerror'];
  onclose?: Transport['onclose'];

  readonly sent: Message[] = [];
  readonly abandoned: (string | number)[] = [];
  closed = false;
  /** When set, each send rejects with it. */
  broken: Error | undefined;

  async start(): Promise<void> {}

  /** When set, each send throws it at once, as a transport of somebody else may. */
  throwing: Error | undefined;

  send(message: Message): Promise<void> | undefined {
    if (this.throwing !== undefined) throw this.throwing;
    return this.#keep(message);
  }

  async #keep(message: Message): Promise<void> {
    if (this.broken !== undefined) throw this.broken;
    // As a wire would: later changes of the object must not show.
    this.sent.push(structuredClone(message));
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  abandon(id: string | number): void {
    this.abandoned.push(id);
  }

  /** The other side says something. */
  receive(message: Message): void {
    this.onmessage?.(message);
  }

  /** The latest message sent. */
  get last(): Message | undefined {
    return this.sent.at(-1);
  }
}
