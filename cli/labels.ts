import { Command } from 'commander'
import { exportLabelsCommand } from './labels-export.ts'
import { importLabelsCommand } from './labels-import.ts'
import { revealLabelsCommand } from './labels-reveal.ts'
import { statusLabelsCommand } from './labels-status.ts'

/** What people say about posts: in, out, how far they agree, and by a stand-in. */
export const labelsCommand = () =>
  [importLabelsCommand, exportLabelsCommand, statusLabelsCommand, revealLabelsCommand].reduce(
    (labels, command) => labels.addCommand(command()),
    new Command('labels').description('import, export and count labels: which class people say a post has'),
  )
