import { defineConfig } from 'tsdown';

export default defineConfig({
  entry: { main: 'src/main.ts', index: 'src/index.ts' },
  format: 'esm',
  platform: 'node',
  target: 'node20.17',
  outDir: 'dist',
  dts: { entry: 'src/index.ts' },
  sourcemap: false,
  clean: true,
});
