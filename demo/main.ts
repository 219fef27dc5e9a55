// `npm run demo`: Visita with a made-up network, until it is told to stop.

import { isPlainRefusal } from '#src/refusal-at-start.ts'
import { announcement, greeting } from './greeting.ts'
import { readOptions, usage, type DemoOptions } from './options.ts'
import { startDemo } from './start.ts'

try {
  const options = readOptions(process.argv.slice(2))
  if (options.help) console.log(usage)
  else await run(options)
} catch (error) {
  if (!isPlainRefusal(error)) throw error
  console.error(error.message)
  process.exitCode = 1
}

async function run(options: DemoOptions): Promise<void> {
  const stopping = stopSignal()
  if (!options.json) console.error('Starting a database of its own …\n')
  const visita = await startDemo(options)
  if (!stopping.aborted)
    console.log(options.json ? announcement(visita) : await greeting(visita, options.dataDirectory))
  if (!stopping.aborted)
    await new Promise((resolve) => stopping.addEventListener('abort', resolve, { once: true }))
  await visita.close()
  process.exit(0)
}

/** Aborts when the demo is told to stop. npm passes Ctrl+C on, so it may come twice. */
function stopSignal(): AbortSignal {
  const stopping = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => stopping.abort())
  return stopping.signal
}
