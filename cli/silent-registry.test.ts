import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { packageRoot } from '../core/package-root.ts'
import { SilentServer } from '../models/registry/testing/silent-server.ts'

test.each([
  ['score'],
  ['predict', 'a text'],
  ['models', 'list'],
  ['models', 'show'],
  ['models', 'verify'],
  ['models', 'promote', '2', '--reason', 'better'],
])('%s %s stops when it is told to while it waits for a registry that does not answer', async (...verb) => {
  const data = await mkdtemp(join(tmpdir(), 'driftline-score-'))
  try {
    await using server = await SilentServer.start()
    const { registryUrl, s3Endpoint } = server.place(data)
    const child = spawn(process.execPath, [join(packageRoot, 'bin/driftline.js'), ...verb], {
      env: {
        ...{ PATH: process.env.PATH, DRIFTLINE_DATA: data, DRIFTLINE_REGISTRY_URL: registryUrl },
        ...{ DRIFTLINE_S3_ENDPOINT: s3Endpoint, AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret' },
      },
    })
    const [stderr, closed] = [text(child.stderr), once(child, 'close')]
    await Promise.race([server.asked(), closed])
    child.kill('SIGTERM')
    expect([...(await closed), await stderr]).toEqual([130, null, ''])
  } finally {
    await rm(data, { recursive: true, force: true })
  }
})
