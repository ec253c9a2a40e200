import { defineConfig } from 'vite';

// Relative addresses: the page also works below a path prefix of a proxy.
export default defineConfig({
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: { target: 'es2022', chunkSizeWarningLimit: 800 },
});
