// The work that tells people, again and again while a process runs.

import { isLostConnection, isTransient } from '#src/db/constraints.ts'
import { passOver } from '#src/events/reader.ts'
import { messageOf } from '#src/kernel/errors.ts'
import { reader, tellNews, type Telling } from './tell.ts'

/** How long to wait for news that this process did not hear of. */
const pauseMilliseconds = 5_000

/** How often an event is tried before it is passed over. */
const triesMax = 3

/** After a batch that failed, so many events are told one by one. */
const carefulEvents = 200

/** What is remembered of failures: how many events to tell one by one, and how often the next one failed. */
export interface Trouble {
  careful: number
  tries: number
}

/**
 * Tells what there is, and passes over an event that cannot be told, which would keep everybody from
 * hearing of what comes after it. Answers whether to go on at once.
 */
export async function tellOrPassOver(runtime: Telling, trouble: Trouble): Promise<boolean> {
  try {
    const count = await tellNews(runtime, trouble.careful > 0 ? { limit: 1 } : {})
    trouble.careful = count === 0 ? 0 : Math.max(0, trouble.careful - count)
    trouble.tries = 0
    return count > 0
  } catch (error) {
    if (isLostConnection(error) || isTransient(error)) throw error
    if (trouble.careful === 0) {
      trouble.careful = carefulEvents
      return true
    }
    trouble.tries += 1
    if (trouble.tries < triesMax) throw error
    trouble.tries = 0
    const event = await passOver({ ...runtime, actor: null }, reader)
    runtime.log.error(
      { type: event?.type, seq: event?.seq, error: messageOf(error) },
      'an event could not be told and was passed over',
    )
    return true
  }
}

/** Writes down who is to be told what, as soon as it happens, until `signal` aborts. */
export async function keepTelling(runtime: Telling, signal: AbortSignal): Promise<void> {
  const trouble: Trouble = { careful: 0, tries: 0 }
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
      wake = resolve
      setTimeout(resolve, pauseMilliseconds).unref()
      if (isNews || signal.aborted) resolve()
    })
  }
  stopListening()
}
