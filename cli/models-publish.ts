import { loadModelDirectory } from '../models/model-directory.ts'
import { runs, verb } from './command.ts'
import { provingWith } from './prove-model.ts'
import { openRegistry } from './registry.ts'

/** `models publish`. */
export const publishCommand = () =>
  verb('publish', 'store a model directory as the next version of its model')
    .argument('<directory>', 'model directory, such as what train or models import made')
    .addHelpText(
      'after',
      '\nExample:\n  $ driftline models publish ./tuned && driftline models promote 2 --reason "fresh labels"',
    )
    .action(
      runs(async (context, _, [directory = '']) => {
        const { config, json, signal } = context
        await provingWith(context)(await loadModelDirectory(directory))
        const published = await (await openRegistry(config, signal)).publish(directory)
        const { name, version, created } = published
        process.stdout.write(
          json
            ? `${JSON.stringify(published)}\n`
            : `${directory} is ${name}@${version}${created ? '' : ', and was before'}; driftline models promote ${name}@${version}\n`,
        )
        return 0
      }),
    )
