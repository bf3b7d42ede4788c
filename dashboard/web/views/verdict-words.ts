import type { Verdict } from '../../drift-api.ts'

/** Beside each colour stands its word. */
export const verdictWords: Readonly<Record<Verdict, string>> = { ok: 'OK', warning: 'Warning', drift: 'Drift' }
