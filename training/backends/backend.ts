/** `tensorflow`: tfjs-node or tfjs-node-gpu; `wasm`: SIMD, one thread; `cpu`: plain JavaScript, slow and exact. */
export const backendNames = ['tensorflow', 'wasm', 'cpu'] as const

export type BackendName = (typeof backendNames)[number]
