// The page about an appointment's life, from the table that the code goes by.

import {
  commands,
  statuses,
  transitions,
  type Command,
  type Transition,
} from '#src/booking/appointment-state.ts'

const meanings: Record<Command, string> = {
  'renew-hold': 'keeps a held time for 10 more minutes, at most 15 in all',
  'confirm-hold':
    'books the held time: `confirmed`, or `requested` where the doctor wants to be asked',
  accept: 'says yes to a request',
  decline: 'says no, with a reason and other times to choose from',
  reschedule: 'moves the visit; a patient asks again where the doctor wants to be asked',
  cancel: 'calls the visit off; a cancelled one is left as it is',
  'check-in': 'the patient is there',
  start: 'the patient is with the doctor',
  complete: 'the visit is over',
  'no-show': 'the patient did not come',
  correct: 'takes a step of the day back, however long ago it was made',
  undo: 'takes the last step back, by whoever made it, within 60 seconds',
  expire: 'ends a hold or a request past its time',
}

/** docs/domain/appointment-lifecycle.md as it must be. */
export function lifecycleText(): string {
  return `# An appointment's life

Made by \`npm run generate\` from \`src/booking/appointment-state.ts\`. What the words mean is in the
[glossary](glossary.md), how booking works in [booking](booking.md).

\`\`\`mermaid
stateDiagram-v2
  [*] --> held: hold
  [*] --> confirmed: book
  [*] --> requested: book (on request)
  [*] --> arrived: walk-in
${arrows().join('\n')}
\`\`\`

\`undo\` is left out of the picture: it leads back along any arrow but those that begin at \`held\` and those of
\`expire\`.

## Commands

| Command | From | To | By | What it does |
|---|---|---|---|---|
${commands.map(row).join('\n')}

Staff are the visit's doctor, the front desk of its clinic, and admins; patients are the accounts that act
for the patient. Whatever is not in the table is refused: \`not-allowed\` where only others may do it,
\`hold-expired\` for a hold past its time, \`wrong-state\` for the rest.
`
}

/** One arrow from a status to another, with all the commands that go along it. */
function arrows(): string[] {
  const labels = new Map<string, Command[]>()
  for (const { command, from, to } of transitions.filter((step) => step.command !== 'undo'))
    for (const status of to) {
      const arrow = `${from} --> ${status}`
      labels.set(arrow, [...(labels.get(arrow) ?? []), command])
    }
  return [...labels].map(([arrow, by]) => `  ${arrow}: ${by.join(', ')}`)
}

function row(command: Command): string {
  const steps = transitions.filter((step) => step.command === command)
  const to = statuses.filter((status) => steps.some((step) => step.to.includes(status)))
  const cells = [
    `\`${command}\``,
    steps.map(from).join(', '),
    command === 'undo' ? 'where the last step came from' : to.map(code).join(', '),
    by(steps),
    meanings[command],
  ]
  return `| ${cells.join(' | ')} |`
}

function from(step: Transition, _index: number, all: readonly Transition[]): string {
  const isForAll = step.by.length === Math.max(...all.map((other) => other.by.length))
  return isForAll ? code(step.from) : `${code(step.from)} (${step.by.join(', ')} alone)`
}

function by(steps: readonly Transition[]): string {
  return [...new Set(steps.flatMap((step) => [...step.by]))].join(', ')
}

function code(text: string): string {
  return `\`${text}\``
}
