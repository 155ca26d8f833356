/** A listener on this computer's loopback interface. */
export interface LoopbackListener {
  port: number;
  /** Ends it with its connections; answers that are under way are finished first, 1 s at most. */
  close(): Promise<void>;
}

/** What a {@link ListenOnLoopback} listens to. */
export interface LoopbackOptions {
  /** As in a redirect URI: `127.0.0.1`, `localhost` or `[::1]`. */
  hostname: string;
  /** 0 = any free one. */
  port: number;
  /** Gets each request with the URL that its Host header and path make; never rejects. */
  handle(request: Request): Promise<Response>;
}

/** Opens a listener. Rejects with `PORT_IN_USE` (also where the system reserves the port). */
export type ListenOnLoopback = (options: LoopbackOptions) => Promise<LoopbackListener>;

/**
 * Opens a URL in the person's browser: http and https alone, without a shell. Resolves with whether a
 * browser could be started; never rejects for the want of one.
 */
export type OpenBrowser = (url: string) => Promise<boolean>;
