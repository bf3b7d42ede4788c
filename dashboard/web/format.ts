const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 })
const tenth = new Intl.NumberFormat(undefined, { minimumFractionDigits: 1, maximumFractionDigits: 1 })
const percentFormat = new Intl.NumberFormat(undefined, { style: 'percent', maximumFractionDigits: 0 })
const compact = new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1 })
const clockFormat = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' })
const minuteFormat = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })
const dayFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })
const secondFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' })
const tenthPercent = new Intl.NumberFormat(undefined, {
  style: 'percent',
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
})

export const formatCount = (value: number): string => whole.format(value)
export const formatCompact = (value: number): string => compact.format(value)
/** One decimal below ten, where it matters. */
export const formatRate = (perSecond: number): string => (perSecond < 9.95 ? tenth : whole).format(perSecond)
export const formatPercent = (share: number): string => percentFormat.format(share)
/** With a tenth, for what is compared. */
export const formatShare = (share: number): string => tenthPercent.format(share)
/** Three digits that count; what is very small or large in powers of ten. */
export const formatNumber = (value: number | null): string => {
  if (value === null) return '–'
  const size = Math.abs(value)
  if (size !== 0 && (size < 0.001 || size >= 1e6)) return value.toExponential(1)
  return String(Number(value.toPrecision(3)))
}
/** Day and minute. */
export const formatDay = (ms: number): string => dayFormat.format(ms)
/** From one second to another, with what both share named once. */
export const formatSpan = (fromMs: number, toMs: number): string => secondFormat.formatRange(fromMs, toMs)
export const formatClock = (ms: number): string => clockFormat.format(ms)
export const formatMinute = (ms: number): string => minuteFormat.format(ms)

/** `0.4 s`, `12 s`, `3 min`, `5 h`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 9.95) return `${tenth.format(seconds)} s`
  if (seconds < 120) return `${whole.format(seconds)} s`
  if (seconds < 7_200) return `${whole.format(seconds / 60)} min`
  return `${whole.format(seconds / 3_600)} h`
}
