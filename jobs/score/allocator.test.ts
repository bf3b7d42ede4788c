import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { packageRoot } from '../../core/package-root.ts'
import { allocatorEnvironment } from './allocator.ts'

const ComposeFile = z.object({ services: z.record(z.string(), z.object({ environment: z.unknown().optional() })) })

test('score jobs in containers have the settings that `driftline up` gives its own', async () => {
  const file = await readFile(join(packageRoot, 'docker-compose.yml'), 'utf8')
  const { services } = ComposeFile.parse(parse(file, { merge: true }))
  expect(services.score?.environment).toMatchObject(allocatorEnvironment)
  expect(services['score-gpu']?.environment).toMatchObject(allocatorEnvironment)
})
