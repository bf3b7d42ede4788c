import type { Page } from 'playwright-core'

/** Text whose contrast with what lies behind it is below 4.5 (WCAG 2.2, 1.4.3). */
const faintScript = `(() => {
  const parse = (colour) => colour.match(/[\\d.]+/g).map(Number)
  const luminance = ([r, g, b]) => [r, g, b].map((value) => value / 255)
    .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    .reduce((sum, value, n) => sum + value * [0.2126, 0.7152, 0.0722][n], 0)
  const behind = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor)
      if (colour.length === 3 || colour[3] === 1) return colour
    }
    return [255, 255, 255]
  }
  return [...document.body.querySelectorAll('*')]
    .filter((element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== ''))
    .map((element) => {
      const [high, low] = [luminance(parse(getComputedStyle(element).color)), luminance(behind(element))].sort((a, b) => b - a)
      return [element.textContent.slice(0, 30), (high + 0.05) / (low + 0.05)]
    })
    .filter(([, contrast]) => contrast < 4.5)
    .join('; ')
})()`

/** The texts that are too faint to read; '' when there are none. */
export const faintTexts = (page: Page): Promise<string> => page.evaluate(`String(${faintScript})`)

/** Whether the page is no wider than its window. */
export const fits = (page: Page): Promise<boolean> =>
  page.evaluate('document.documentElement.scrollWidth <= innerWidth')
