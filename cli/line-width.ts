/** Characters of a line of progress that the terminal does not wrap: a wrapped line is not erased by the next. */
export const lineWidth = (): number => (process.stderr.columns || 80) - 1
