/** Four digits that count, of what is measured; counts stay whole. */
export const rounded = (value: number): number => (Number.isInteger(value) ? value : Number(value.toPrecision(4)))
