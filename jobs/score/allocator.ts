/**
 * For the environment of a score job: a process cannot set this for itself. glibc gives an allocation of 128 KiB or more pages of its
 * own, until the first one is freed; from then on it takes them from its heaps, up to 32 MiB each (`M_MMAP_THRESHOLD` in mallopt(3)).
 * Models and tensors that come and go leave holes there. With this the size stays: while the bundled model is swapped, the job holds
 * 255 MB instead of 300. Other C libraries do not know the name.
 */
export const allocatorEnvironment = { MALLOC_MMAP_THRESHOLD_: String(128 * 1024) } as const
