import { defineConfig, type UserConfig } from 'tsdown';

const shared: UserConfig = {
  platform: 'node',
  target: 'node20.17',
  outDir: 'dist',
  // jsonc-parser's `main` requires files by computed names, its `module` doesn't.
  inputOptions: { resolve: { mainFields: ['module', 'main'] } },
};

export default defineConfig([
  {
    ...shared,
    entry: {
      index: 'src/index.ts',
      // A process of its own: a call of the keychain may never return.
      keychain: 'src/platform/keychain/helper.ts',
    },
    format: 'esm',
    // The package is ESM: `.js` it is.
    fixedExtension: false,
    dts: { entry: 'src/index.ts' },
    // One file to read instead of hundreds. What has native parts or programs of its own stays outside.
    deps: { alwaysBundle: [/^(?!@napi-rs|open$|openid-client)/] },
    clean: true,
  },
  {
    ...shared,
    // CommonJS: Node.js needs a third less time to load it, and desktop clients wait for that.
    entry: { program: 'src/program.ts' },
    format: 'cjs',
    dts: false,
    outputOptions: {
      // The loader of chunks gives them a `require`, and no `import`.
      dynamicImportInCjs: false,
      // To find and open a file takes a fifth of a millisecond, and each command would open thirty small
      // ones: here is together what all of them need, and what is read of logins.
      codeSplitting: {
        groups: [
          {
            name: 'base',
            test: /src[\\/](config[\\/]assemble|app[\\/]settings|cli[\\/]exit-codes)\.ts$/,
            priority: 1,
          },
          {
            name: 'logins',
            test: /src[\\/](app[\\/](status-sources|login-status)|cli[\\/]auth-status)\.ts$/,
          },
        ],
      },
    },
    // openid-client is ESM alone, which CommonJS can't require in every version that is supported.
    deps: { alwaysBundle: [/^(?!@napi-rs|open$)/] },
    clean: false,
  },
  {
    ...shared,
    // What loads the files of the program: it can't be one of them.
    entry: { main: 'src/main.ts' },
    format: 'cjs',
    dts: false,
    clean: false,
  },
]);
