// How a process of Visita ends when it is told to.

const stopSecondsMax = 30

/** Closes once on SIGTERM or SIGINT, and says in plain sentences how that goes. `what` is finished first. */
export function stopOnSignal({
  what,
  say,
  close,
}: {
  what: string
  say: (sentence: string) => void
  close: () => Promise<void>
}): void {
  let stopping = false
  const stop = (signal: string) => {
    if (stopping) return
    stopping = true
    say(`Stopping (${signal}): ${what} are finished first.`)
    setTimeout(() => {
      say(`The stop took longer than ${stopSecondsMax} s and was cut short.`)
      process.exit(1)
    }, stopSecondsMax * 1000).unref()
    close().then(
      () => process.exit(0),
      (error: unknown) => {
        say(`The stop failed: ${String(error)}`)
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}
