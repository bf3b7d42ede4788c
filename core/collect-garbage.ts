import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

// Made when a thread starts: one that is ended while it makes a context has V8 print the whole of `node:vm`.
setFlagsFromString('--expose-gc')
const gc: () => void = runInNewContext('gc')

/**
 * Collects the garbage of the thread that calls it. For threads that rest: they make no garbage, so nothing would ever collect what
 * they left. What is known of the heap does not count the contents of files, and they are most of it.
 */
export function collectGarbage(): void {
  gc()
}
