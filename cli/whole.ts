import { InvalidArgumentError } from 'commander'

/** An option that is a whole number, of at most nine digits. */
export function whole(least: number): (text: string) => number {
  return (text) => {
    if (/^\d{1,9}$/.test(text) && Number(text) >= least) return Number(text)
    throw new InvalidArgumentError(`It must be a whole number, ${least} or more.`)
  }
}
