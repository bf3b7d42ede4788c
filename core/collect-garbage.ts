import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Collects the garbage of the thread that calls it. For threads that rest: they make no garbage, so nothing would ever collect what
 * they left. What is known of the heap does not count the contents of files, and they are most of it.
 */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
}
