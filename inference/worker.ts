import { workerData } from 'node:worker_threads'
import { setThreadPriority } from '../core/thread-priority.ts'
import type { ThreadData } from './protocol.ts'

// Where a scoring thread begins. Its priority comes first: loading the code of the others takes a third of its start.

const { low } = workerData as ThreadData
if (low) setThreadPriority(true)
await import('./scoring-thread.ts')
