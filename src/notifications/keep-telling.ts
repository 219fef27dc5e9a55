// The work that tells people, again and again while a process runs.

import { passOver } from '#src/events/reader.ts'
import { messageOf } from '#src/kernel/errors.ts'
import { reader, tellNews, TellingFailed, type Telling } from './tell.ts'

/** How long to wait for news that this process did not hear of. */
const pauseMilliseconds = 5_000

/** How often an event is tried before it is passed over. */
const triesMax = 3

/** After a batch that failed, so many events are told one by one. */
const carefulEvents = 200

/** What is remembered of failures: how many events to tell one by one, and how often which one failed. */
export interface Trouble {
  careful: number
  seq: string | null
  tries: number
}

/** Before anything has failed. */
export function noTrouble(): Trouble {
  return { careful: 0, seq: null, tries: 0 }
}

/**
 * Tells what there is, and passes over an event that cannot be told, which would keep everybody from
 * hearing of what comes after it. Answers whether to go on at once.
 *
 * @throws what kept it from telling, when that is to be tried again after a pause.
 */
export async function tellOrPassOver(runtime: Telling, trouble: Trouble): Promise<boolean> {
  const wasCareful = trouble.careful > 0
  try {
    const count = await tellNews(runtime, wasCareful ? { limit: 1 } : {})
    trouble.careful = count === 0 ? 0 : Math.max(0, trouble.careful - count)
    return count > 0
  } catch (error) {
    trouble.careful = carefulEvents
    const event = error instanceof TellingFailed ? error.events[0] : undefined
    if (event === undefined) throw error
    if (!wasCareful) return true
    trouble.tries = trouble.seq === event.seq ? trouble.tries + 1 : 1
    trouble.seq = event.seq
    if (trouble.tries < triesMax) throw error
    if (await passOver({ ...runtime, actor: null }, reader, event))
      runtime.log.error(
        { type: event.type, seq: event.seq, error: messageOf(error) },
        'an event could not be told and was passed over',
      )
    return true
  }
}

/** Writes down who is to be told what, as soon as it happens, until `signal` aborts. */
export async function keepTelling(runtime: Telling, signal: AbortSignal): Promise<void> {
  const trouble = noTrouble()
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
      while (!signal.aborted && (await tellOrPassOver(runtime, trouble)));
    } catch (error) {
      runtime.log.warn({ error: messageOf(error) }, 'the news could not be told')
    }
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, pauseMilliseconds).unref()
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
      if (isNews || signal.aborted) wake()
    })
  }
  stopListening()
}
