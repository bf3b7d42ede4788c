import { InvalidArgumentError } from 'commander'

/** An option that is a whole number of at most six digits, 0 or more. */
export function whole(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number, 0 or more.')
}
