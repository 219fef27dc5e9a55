// `npm run worker`: the work that nobody waits for, in a process of its own beside servers that are
// started with BACKGROUND_WORK=elsewhere.

import { openRuntime } from '#src/app.ts'
import { loadConfig } from '#src/config.ts'
import { isPlainRefusal, refuseArguments } from '#src/refusal-at-start.ts'
import { stopOnSignal } from '#src/stop.ts'
import { keepWorking } from '#src/work.ts'

const say = (sentence: string) => console.error(sentence)

try {
  refuseArguments(process.argv.slice(2))
  const config = loadConfig({ env: process.env })
  for (const warning of config.warnings) say(warning)
  const opened = await openRuntime({ config, say })
  const ending = new AbortController()
  const working = keepWorking(opened.runtime, ending.signal)
  stopOnSignal({
    what: 'messages being sent',
    say,
    async close() {
      ending.abort()
      await working
      await opened.close()
    },
  })
  say('Visita works: it sends what is due and keeps house. Stop it with Ctrl+C.')
} catch (error) {
  if (!isPlainRefusal(error)) throw error
  say(error.message)
  process.exitCode = 1
}
