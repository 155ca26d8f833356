import { defineConfig } from 'tsdown';

export default defineConfig({
  entry: {
    main: 'src/main.ts',
    index: 'src/index.ts',
    // A process of its own: a call of the keychain may never return.
    keychain: 'src/platform/keychain/helper.ts',
  },
  format: 'esm',
  platform: 'node',
  target: 'node20.17',
  outDir: 'dist',
  // The package is ESM: `.js` it is.
  fixedExtension: false,
  dts: { entry: 'src/index.ts' },
  // One file to read instead of hundreds: `initialize` is answered 50 ms earlier. What has native
  // parts or programs of its own stays outside.
  deps: { alwaysBundle: [/^(?!@napi-rs|open$|openid-client)/] },
  // jsonc-parser's `main` requires files by computed names, its `module` doesn't.
  inputOptions: { resolve: { mainFields: ['module', 'main'] } },
  clean: true,
});
