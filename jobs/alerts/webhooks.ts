import { type AlertWebhook, isWebhookUrl, secretBytes } from '../../core/alert-settings.ts'
import { DriftlineError } from '../../core/errors.ts'

/**
 * Webhooks with their addresses and secrets in the clear: `env:NAME` is taken from the environment.
 *
 * @throws DriftlineError `CONFIG_INVALID` naming the webhook and the variable, never its value
 */
export function resolvedWebhooks(
  webhooks: readonly AlertWebhook[],
  environment: Readonly<Record<string, string | undefined>>,
): readonly AlertWebhook[] {
  return webhooks.map((webhook) => {
    const value = (text: string, isRight: (value: string) => boolean): string => {
      if (!text.startsWith('env:')) return text
      const name = text.slice('env:'.length)
      const found = environment[name]
      if (found !== undefined && isRight(found)) return found
      const reason = `webhook '${webhook.name}': ${name} is ${found === undefined ? 'not set' : 'not of the right form'}`
      throw new DriftlineError('CONFIG_INVALID', { reason })
    }
    return {
      ...webhook,
      url: value(webhook.url, isWebhookUrl),
      secrets: webhook.secrets.map((secret) => value(secret, (text) => secretBytes(text) !== undefined)),
    }
  })
}
