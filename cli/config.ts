import { type Config, type ConfigKey, configSchema, environmentName, shown } from '../core/config.ts'
import { runs, verb } from './command.ts'

/** Each setting, its value and where it came from. */
export const configCommand = () =>
  verb('config', 'print each setting, its value and where it came from').action(
    runs(async ({ loaded, json }) => {
      const keys = Object.keys(configSchema.shape) as ConfigKey[]
      const rows = keys.map((key) => {
        return {
          key,
          value: shown(key, loaded.config),
          origin: loaded.origins[key],
          environment: environmentName(key),
          description: configSchema.shape[key].description ?? '',
        }
      })
      if (json) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`)
      else {
        for (const row of rows) {
          process.stdout.write(
            `${row.key} = ${textOf(row.value)}  [${row.origin}]\n    ${row.description} ${row.environment}\n`,
          )
        }
      }
      return 0
    }),
  )

const textOf = (value: Config[ConfigKey]): string =>
  value === undefined ? '(unset)' : typeof value === 'object' ? JSON.stringify(value) : String(value)
