import { Command } from 'commander'
import { exportLabelsCommand } from './labels-export.ts'
import { importLabelsCommand } from './labels-import.ts'

/** What people say about posts: in, out. */
export const labelsCommand = () =>
  [importLabelsCommand, exportLabelsCommand].reduce(
    (labels, command) => labels.addCommand(command().exitOverride()),
    new Command('labels').description('import and export labels: which class people say a post has'),
  )
