/**
 * Krippendorff's α of nominal answers: 1 − D_o / D_e, the disagreement seen against the one to be expected by chance.
 *
 * With n_uc answers of class c for unit u, m_u = Σ_c n_uc ≥ 2 (units with fewer say nothing), n_c = Σ_u n_uc and n = Σ_c n_c:
 * D_o = (1/n) Σ_u (m_u² − Σ_c n_uc²) / (m_u − 1) and D_e = (n² − Σ_c n_c²) / (n (n − 1)). It allows any number of people per
 * unit, and any of them to be missing, which Cohen's and Fleiss's κ do not.
 *
 * @param units the answers for each post, in any order
 * @returns 1 for perfect agreement, 0 for that of chance, down to below 0; `undefined` when no unit has two answers, or all
 *   pairable answers are of one class: then there is nothing that could have disagreed
 * @see Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, repository.upenn.edu/asc_papers/43
 */
export function krippendorffAlpha(units: Iterable<readonly string[]>): number | undefined {
  const totals = new Map<string, number>()
  let all = 0
  let observed = 0
  for (const answers of units) {
    if (answers.length < 2) continue
    const counts = countsOf(answers)
    for (const [name, count] of counts) totals.set(name, (totals.get(name) ?? 0) + count)
    all += answers.length
    observed += (answers.length ** 2 - squares(counts)) / (answers.length - 1)
  }
  if (totals.size < 2) return undefined
  const expected = (all ** 2 - squares(totals)) / (all - 1)
  return 1 - observed / expected
}

/**
 * Raw agreement: the share of pairs of answers for the same unit that are equal.
 *
 * @returns 0 to 1; `undefined` when no unit has two answers
 */
export function rawAgreement(units: Iterable<readonly string[]>): number | undefined {
  let pairs = 0
  let equal = 0
  for (const answers of units) {
    pairs += (answers.length * (answers.length - 1)) / 2
    for (const count of countsOf(answers).values()) equal += (count * (count - 1)) / 2
  }
  return pairs === 0 ? undefined : equal / pairs
}

function countsOf(answers: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const answer of answers) counts.set(answer, (counts.get(answer) ?? 0) + 1)
  return counts
}

function squares(counts: ReadonlyMap<string, number>): number {
  let sum = 0
  for (const count of counts.values()) sum += count ** 2
  return sum
}
