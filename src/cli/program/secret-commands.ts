import type { Command } from 'commander';
import type { Context } from '../../app/context.ts';
import type { GlobalFlags } from '../../app/settings.ts';
import type { Done } from './options.ts';

/** `mcp-master secret …`. */
export function addSecret(program: Command, context: Context, done: Done): void {
  const secret = program
    .command('secret')
    .description('store credentials under a name, for keyring:NAME in the configuration');
  secret
    .command('set')
    .description('store the value that stands on stdin, or that is typed unseen')
    .argument('<name>', 'what to write after keyring:')
    .addHelpText('after', '\nExample:\n  printf %s "$KEY" | mcp-master secret set acme')
    .action(async (name: string, _: object, command: Command) => {
      const { secretSet } = await import('../secret.ts');
      done(await secretSet(context, name, command.optsWithGlobals<GlobalFlags>()));
    });
  secret
    .command('list')
    .description('show the names of the stored secrets')
    .action(async (_: object, command: Command) => {
      const { secretList } = await import('../secret.ts');
      done(await secretList(context, command.optsWithGlobals<GlobalFlags>()));
    });
  secret
    .command('delete')
    .description('delete a stored secret')
    .argument('<name>', 'its name')
    .action(async (name: string, _: object, command: Command) => {
      const { secretDelete } = await import('../secret.ts');
      done(await secretDelete(context, name, command.optsWithGlobals<GlobalFlags>()));
    });
}
