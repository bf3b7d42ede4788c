import { existsSync } from 'node:fs'
import { join } from 'node:path'
import staticFiles from '@fastify/static'
import type { FastifyInstance } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { packageRoot } from '../../core/package-root.ts'

/** Nothing from elsewhere, nothing inline, and no string ever becomes markup or code. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

const securityHeaders = {
  'content-security-policy': contentSecurityPolicy,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const

const yearSeconds = 365 * 24 * 3600

/** The built page, and on every answer the headers that keep it to itself. */
export const page = fastifyPlugin(async (server: FastifyInstance) => {
  const root = join(packageRoot, 'dist/web')
  if (!existsSync(join(root, 'index.html'))) throw new Error('dist/web is missing: run `npm run build`')
  server.addHook('onSend', async (_request, reply) => {
    const own = reply.getHeader('content-security-policy') // of a report, which is stricter in all but its styles
    reply.headers(securityHeaders)
    if (own !== undefined) reply.header('content-security-policy', own)
  })
  await server.register(staticFiles, {
    root,
    cacheControl: false,
    setHeaders: (response, path) => {
      // Vite puts a hash into the names under assets/, so they never change; the page itself must be asked for again.
      const lasting = path.startsWith(join(root, 'assets'))
      response.setHeader('cache-control', lasting ? `private, max-age=${yearSeconds}, immutable` : 'no-cache')
    },
  })
})
