// The work that nobody waits for: ending holds, the waitlist, telling people, sending. Any number of
// processes may be at it; each piece is done by one of them.

import { keepSealing } from '#src/audit/seal.ts'
import { keepHouse } from '#src/booking/housekeeping.ts'
import type { Runtime } from '#src/context.ts'
import { keepCounts } from '#src/http/limits.ts'
import { keepTelling } from '#src/notifications/keep-telling.ts'
import { keepReminding } from '#src/notifications/remind.ts'
import { keepSending, sentChannels } from '#src/notifications/send.ts'
import { keepAccessEnds } from '#src/patients/access-ends.ts'
import { keepRetention } from '#src/privacy/retention.ts'
import { keepWaitlist } from '#src/waitlist/offers.ts'

/** Works until `signal` aborts; what has begun then is finished first. */
export async function keepWorking(runtime: Runtime, signal: AbortSignal): Promise<void> {
  await Promise.all([
    keepHouse(runtime, signal),
    keepCounts(runtime, signal),
    keepSealing(runtime, signal),
    keepWaitlist(runtime, signal),
    keepRetention(runtime, signal),
    keepTelling(runtime, signal),
    keepReminding(runtime, signal),
    keepAccessEnds(runtime, signal),
    ...sentChannels.map((channel) => keepSending(runtime, channel, signal)),
  ])
}
