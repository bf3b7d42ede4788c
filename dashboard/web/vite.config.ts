import { defineConfig } from 'vite'

export default defineConfig({
  base: './', // a proxy may serve the page below a path
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../../dist/web',
    emptyOutDir: true,
    license: { fileName: 'licenses.md' }, // of preact, uplot and zod, whose code is in the bundle
    target: 'es2022',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
  },
})
