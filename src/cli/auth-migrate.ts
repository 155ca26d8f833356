import type { Context } from '../app/context.ts';
import type { GlobalFlags } from '../app/settings.ts';
import { openWorkspace } from '../app/workspace.ts';
import type { StoreName } from '../oauth/store/secret-store.ts';
import { EXIT } from './exit-codes.ts';

/** The flags of `auth migrate`. */
export interface MigrateFlags extends GlobalFlags {
  to: StoreName;
  force?: boolean;
}

/** `mcp-master auth migrate --to STORE`: moves all logins and secrets of this profile. */
export async function authMigrate(context: Context, flags: MigrateFlags): Promise<number> {
  const workspace = await openWorkspace(context, flags, 'warn');
  const { migrate } = await import('../oauth/store/migrate.ts');
  const { stores, logins, secrets } = workspace.credentials;
  try {
    const moved = await migrate(flags.to, { stores, index: logins.index, secrets }, flags.force);
    const where = flags.to === 'keychain' ? 'the keychain' : 'encrypted files';
    context.stdout.write(
      flags.json === true
        ? `${JSON.stringify({ moved })}\n`
        : `Moved ${moved} ${moved === 1 ? 'item' : 'items'} to ${where}.\n`,
    );
    return EXIT.done;
  } finally {
    await workspace.close();
  }
}
