// The work that tells people, again and again while a process runs.

import { messageOf } from '#src/kernel/errors.ts'
import { remind } from './remind.ts'
import { tellNews, type Telling } from './tell.ts'

/** How long to wait for news: reminders are told in minutes, not in seconds. */
const pauseMilliseconds = 5_000

/** Writes down who is to be told what, as soon as it happens, until `signal` aborts. */
export async function keepTelling(runtime: Telling, signal: AbortSignal): Promise<void> {
  let isNews = false
  let wake = () => {}
  const stopListening = runtime.events.listen(() => {
    isNews = true
    wake()
  })
  signal.addEventListener('abort', () => wake())
  while (!signal.aborted) {
    isNews = false
    try {
      while (!signal.aborted && (await tellNews(runtime)) > 0);
      await remind(runtime)
    } catch (error) {
      runtime.log.warn({ error: messageOf(error) }, 'the news could not be told')
    }
    await new Promise<void>((resolve) => {
      wake = resolve
      setTimeout(resolve, pauseMilliseconds).unref()
      if (isNews || signal.aborted) resolve()
    })
  }
  stopListening()
}
