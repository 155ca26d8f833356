import { defineConfig } from 'tsdown';

export default defineConfig({
  entry: { main: 'src/main.ts', index: 'src/index.ts' },
  format: 'esm',
  platform: 'node',
  target: 'node20.17',
  outDir: 'dist',
  // The package is ESM: `.js` it is.
  fixedExtension: false,
  dts: { entry: 'src/index.ts' },
  sourcemap: false,
  clean: true,
});
