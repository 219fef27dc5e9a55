// How often one may try to sign in. Wrong tries count for the e-mail address, known or not: few from one
// network, and more from all of them together, which nobody can use to keep the owner out who comes from
// where they signed in before.

import type { Context } from '#src/context.ts'
import { forgiveTry, takeTry, type Tries } from '#src/http/tries.ts'
import { TooManyRequests } from '#src/kernel/errors.ts'
import { isNetworkKnown } from './known-networks.ts'

const windowSeconds = 15 * 60

/** Wrong tries for one e-mail address from one network. */
const fromNetworkMax = 10

/** Wrong tries for one e-mail address from all networks, those aside where its owner has signed in. */
const fromAllMax = 100

type Trying = Pick<Context, 'db' | 'clock' | 'links' | 'config' | 'clientAddress'>

/**
 * Counts a try, in the same statements whether the address is known or not, and answers what was counted.
 * `noteLimit` is run when a limit is first met, with its name.
 *
 * @throws TooManyRequests
 */
export async function takeSignInTry(
  context: Trying,
  email: string,
  noteLimit: (limit: string) => Promise<void>,
): Promise<Tries[]> {
  const [fromNetwork, fromAll] = triesOf(context, email)
  const take = (tries: Tries) => takeTry(context, tries, () => noteLimit(tries.name))
  await take(fromNetwork)
  const isKnownHere = await isNetworkKnown(context, email)
  try {
    await take(fromAll)
  } catch (error) {
    if (isKnownHere && error instanceof TooManyRequests) return [fromNetwork]
    throw error
  }
  return [fromNetwork, fromAll]
}

/** Takes back what was counted: the password was right. */
export async function forgiveSignIn(context: Trying, counted: readonly Tries[]): Promise<void> {
  for (const tries of counted) await forgiveTry(context, tries)
}

/** Case does not make another address. */
function triesOf({ clientAddress }: Trying, email: string): [Tries, Tries] {
  const address = email.toLowerCase()
  return [
    {
      name: 'wrong-passwords',
      subject: `${address} ${clientAddress}`,
      max: fromNetworkMax,
      windowSeconds,
    },
    { name: 'wrong-passwords-everywhere', subject: address, max: fromAllMax, windowSeconds },
  ]
}
