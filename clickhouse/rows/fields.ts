import { z } from 'zod'

/** Columns as queries return them. */
export const count = z.number().int().nonnegative()
export const milliseconds = z.number().int()
export const share = z.number().min(0).max(1)
/** JSON has no NaN and no infinity; ClickHouse says null instead. */
export const measured = z.number().nullable()
export const flag = z.union([z.literal(0), z.literal(1)]).transform((value) => value === 1)
