import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { packageRoot } from '../../core/package-root.ts'

const Service = z.object({
  profiles: z.array(z.string()),
  entrypoint: z.array(z.string()).optional(),
  command: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.coerce.string()).default({}),
  healthcheck: z.object({
    test: z.tuple([z.enum(['CMD', 'CMD-SHELL'])], z.string()),
  }),
})
export type Service = z.infer<typeof Service>

const ComposeFile = z.object({ services: z.record(z.string(), Service) })

/**
 * The services of docker-compose.yml, with variables replaced as Compose does: `${NAME}`, `${NAME:-default}` and
 * `${NAME:?reason}`.
 *
 * @throws Error for a variable that must be set and is not
 */
export function composeServices(variables: Readonly<Record<string, string>>): Readonly<Record<string, Service>> {
  const text = readFileSync(join(packageRoot, 'docker-compose.yml'), 'utf8')
  const filled = text.replaceAll(/\$\{(\w+)(?::([-?])([^}]*))?\}/g, (_, name: string, kind?: string, rest = '') => {
    const value = variables[name] ?? ''
    if (value !== '') return value
    if (kind === '?') throw new Error(`${name} must be set: ${rest}`)
    return rest
  })
  return ComposeFile.parse(parse(filled, { merge: true })).services
}
