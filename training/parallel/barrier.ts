/** Where threads meet: each waits until all have come. */
export interface Barrier {
  wait(): void
}

/** @param cells shared Int32Array of two, zero at the start: how many have come, and how often all did */
export function barrier(cells: Int32Array, threads: number): Barrier {
  return {
    wait() {
      const round = Atomics.load(cells, 1)
      if (Atomics.add(cells, 0, 1) === threads - 1) {
        Atomics.store(cells, 0, 0)
        Atomics.add(cells, 1, 1)
        Atomics.notify(cells, 1)
        return
      }
      while (Atomics.load(cells, 1) === round) Atomics.wait(cells, 1, round)
    },
  }
}
