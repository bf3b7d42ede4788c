import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { openRegistryAt, type RegistryPlace } from '../../models/registry/open-registry.ts'
import { registryContract } from '../../models/registry/testing/registry-contract.ts'
import { S3Server } from './server.ts'

let server: S3Server
let folder: string
let place: RegistryPlace
beforeAll(async () => {
  server = await S3Server.start()
  folder = await mkdtemp(join(tmpdir(), 'driftline-s3-copies-'))
})
afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

registryContract('registry in a bucket', {
  open: () => openRegistryAt(place),
  reset: async () => {
    place = server.emptyPlace(folder)
  },
})
