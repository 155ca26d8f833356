import type { SessionDeps } from '../proxy/open-session.ts';
import { createSessionDeps } from './create-master-server.ts';
import { ConfigReload, type ReloadDeps } from './reload.ts';
import type { Settings } from './settings.ts';
import { furnish } from './workspace.ts';

/** What a server works with that follows its configuration. */
export interface Serving {
  sessionDeps: SessionDeps;
  /** The configuration is another: takes it up. */
  reload(): void;
  /** Takes up no change any more, and settles when nothing is left of what was opened. Never rejects. */
  close(): Promise<void>;
}

/** What {@link openServing} works with. */
export interface ServingDeps extends Omit<ReloadDeps, 'workspace' | 'sessionDeps'> {
  settings: Settings;
}

/** Opens what servers are connected with, and what takes up changes of the configuration. */
export function openServing({ settings, ...deps }: ServingDeps): Serving {
  const workspace = furnish(deps.context, settings);
  const sessionDeps = createSessionDeps(deps.context, workspace);
  const reload = new ConfigReload({ ...deps, workspace, sessionDeps });
  return { sessionDeps, reload: () => reload.onChange(), close: () => reload.close() };
}
