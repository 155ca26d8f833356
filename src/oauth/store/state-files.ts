/**
 * Small files of the state folder, one for each thing to remember, none with a secret in it. Each is
 * replaced as a whole, so that processes can share them without a lock. Names are file names without
 * their extension, made by the caller of `[A-Za-z0-9._-]`; a `folder` is one name, too.
 */
export interface StateFiles {
  /** Undefined when there is none; an unreadable one is told to the log and counts as none. */
  read(folder: string, name: string): string | undefined;
  /** The names in a folder, sorted; none when there is no such folder. */
  list(folder: string): string[];
  /** Changes whenever the file does; undefined when there is none. Costs one `stat`. */
  version(folder: string, name: string): string | undefined;
  /** Rejects when it can't be written: an `McpMasterError` that names the file and the way out. */
  write(folder: string, name: string, text: string): Promise<void>;
  /** Resolves with whether there was one. */
  remove(folder: string, name: string): Promise<boolean>;
  /**
   * Calls back within a second or so after something in the folder changed, also by another process,
   * without keeping this process alive. Returns the way to stop it.
   */
  watch(folder: string, onChange: () => void): () => void;
}
