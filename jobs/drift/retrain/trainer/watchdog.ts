import { workerData } from 'node:worker_threads'

// Ends the whole process once its parent is gone: in a thread of its own, because the main thread may be in native code
// for seconds. A trainer whose parent was killed could otherwise run beside the one that its successor starts.

const everyMs = 100

setInterval(() => {
  if (process.ppid !== workerData) process.kill(process.pid, 'SIGKILL')
}, everyMs)
