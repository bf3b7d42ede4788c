import { env, InferenceSession, listSupportedBackends, Tensor } from 'onnxruntime-node'
import { DriftlineError, messageOf } from '../core/errors.ts'

export type Provider = 'cpu' | 'cuda' | 'webgpu'
export type Device = 'auto' | Provider

/** What `auto` tries before cpu. WebGPU is slow on quantised models, so it is taken only when asked for. */
const automatic = ['cuda'] as const

/**
 * `Y = X · X` for X of [2, 2], as an ONNX file (IR 8, opset 17). Made with onnx.helper:
 * `make_graph([make_node('MatMul', ['X', 'X'], ['Y'])], 'probe', [X], [Y])`.
 */
const probe = 'CAg6RAoRCgFYCgFYEgFZIgZNYXRNdWwSBXByb2JlWhMKAVgSDgoMCAESCAoCCAIKAggCYhMKAVkSDgoMCAESCAoCCAIKAggCQgQKABAR'

export interface Proof {
  readonly provider: Provider
  /** Why a better provider than cpu was not taken; only for `auto`. */
  readonly passedOver: string | undefined
}

/**
 * The provider that a device stands for here, found by doing: a session that may use nothing else multiplies matrices.
 * What onnxruntime lists is what it was built with, not what works.
 *
 * @throws DriftlineError `PROVIDER_UNAVAILABLE` when a device other than `auto` does not work
 */
export async function proveProvider(device: Device): Promise<Proof> {
  if (device !== 'auto') {
    const problem = await problemWith(device)
    if (problem !== undefined) throw new DriftlineError('PROVIDER_UNAVAILABLE', { reason: problem, device })
    return { provider: device, passedOver: undefined }
  }
  const problems: string[] = []
  for (const provider of automatic) {
    const problem = await problemWith(provider)
    if (problem === undefined) return { provider, passedOver: undefined }
    problems.push(`${provider}: ${problem}`)
  }
  return { provider: 'cpu', passedOver: problems.join('; ') }
}

/** Unlike a GPU, it does not go away: it is proved once a thread. */
let cpuWorks = false

/** Why a provider does not work, or `undefined` when it does. */
async function problemWith(provider: Provider): Promise<string | undefined> {
  if (provider === 'cpu' && cpuWorks) return undefined
  const problem = await tryProduct(provider)
  cpuWorks ||= provider === 'cpu' && problem === undefined
  return problem
}

async function tryProduct(provider: Provider): Promise<string | undefined> {
  if (!listSupportedBackends().some(({ name, bundled }) => name === provider && (bundled || provider === 'cuda'))) {
    return 'this build of onnxruntime-node does not have it'
  }
  env.logLevel = 'fatal' // what goes wrong is in the error, and stderr belongs to the program
  try {
    const session = await InferenceSession.create(Buffer.from(probe, 'base64'), {
      executionProviders: [provider],
      logSeverityLevel: 4,
      // Only for the others: it forbids nodes on cpu whoever put them there.
      ...(provider === 'cpu' ? {} : { extra: { session: { disable_cpu_ep_fallback: '1' } } }),
    })
    try {
      const { Y } = await session.run({ X: new Tensor('float32', [1, 2, 3, 4], [2, 2]) })
      const data = Y === undefined ? [] : Array.from((await Y.getData()) as Float32Array)
      return data.join() === '7,10,15,22' ? undefined : `it computed ${data.join()} for a known product`
    } finally {
      await session.release()
    }
  } catch (error) {
    return messageOf(error).trim().split('\n')[0]
  }
}
