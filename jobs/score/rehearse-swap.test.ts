import { expect, test, vi } from 'vitest'
import { silentLog } from '../../core/log.ts'
import { createScorer } from '../../inference/create-scorer.ts'
import { Crew } from '../../inference/crew.ts'
import { loadDirectory } from '../../models/load-model.ts'
import { rehearseSwap } from './rehearse-swap.ts'

const signal = new AbortController().signal

test('after it, threads rest for the first swap', async () => {
  await using crew = new Crew(2)
  await rehearseSwap({
    openDirectory: loadDirectory,
    load: (directory, how) =>
      createScorer({ ...how, directory, device: 'cpu', workers: 2, batchTokens: 512, crew, log: silentLog }),
    log: silentLog,
    signal,
  })
  expect(crew.resting).toBe(2)
})

test('what goes wrong is told, unless the job was stopped, and harms nobody', async () => {
  const log = { ...silentLog, warn: vi.fn() }
  const load = () => Promise.reject(new Error('no memory'))
  await rehearseSwap({ openDirectory: loadDirectory, load, log, signal })
  expect(log.warn).toHaveBeenCalledWith(expect.anything(), expect.stringContaining('no memory'))
  await rehearseSwap({ openDirectory: loadDirectory, load, log, signal: AbortSignal.abort() })
  expect(log.warn).toHaveBeenCalledTimes(1)
})
