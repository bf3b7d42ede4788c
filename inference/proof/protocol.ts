import { z } from 'zod'
import { Golden } from '../../models/proof/golden.ts'
import { ProofReport, proofSteps } from '../../models/proof/report.ts'
import type { Device } from '../provider.ts'

/** What the process that tries a model is told, as the JSON of its only argument. */
export interface ProofOrder {
  readonly path: string
  readonly device: Device
  readonly postMs: number
  readonly encodeMs: number
  /** Also say what it answers, for golden.json. */
  readonly golden: boolean
}

export const ProofFindings = ProofReport.omit({ wallMs: true, peakMb: true, provedAt: true }).extend({
  /** What model.onnx answers to the probes, where that was asked for. */
  golden: Golden.optional(),
})
export type ProofFindings = z.infer<typeof ProofFindings>

/** What it says. Whoever gets it parses it: what ran there may have been taken over by the model. */
export const FromProof = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('step'), step: z.enum(proofSteps) }),
  z.strictObject({ kind: z.literal('passed'), findings: ProofFindings }),
  z.strictObject({
    kind: z.literal('failed'),
    /** `undefined` for an error of our own. */
    code: z.string().optional(),
    details: z.record(z.string(), z.unknown()),
  }),
])
export type FromProof = z.infer<typeof FromProof>
