import type { Case } from './case.ts'
import { elementwise } from './cases-elementwise.ts'
import { linear } from './cases-linear.ts'
import { shaping } from './cases-shape.ts'

/** What every kernel is tested with; a test makes sure that none is left out. */
export const cases: readonly Case[] = [...elementwise, ...shaping, ...linear]
