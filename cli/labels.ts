import { Command } from 'commander'
import { exportLabelsCommand } from './labels-export.ts'
import { importLabelsCommand } from './labels-import.ts'
import { revealLabelsCommand } from './labels-reveal.ts'

/** What people say about posts: in, out, and by a stand-in. */
export const labelsCommand = () =>
  [importLabelsCommand, exportLabelsCommand, revealLabelsCommand].reduce(
    (labels, command) => labels.addCommand(command().exitOverride()),
    new Command('labels').description('import and export labels: which class people say a post has'),
  )
