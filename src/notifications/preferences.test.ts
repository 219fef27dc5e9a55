import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NotificationKind } from '#src/db/tables.ts'
import type { Side } from './facts.ts'
import { languageOf } from './language.ts'
import { channelsFor, choosableKinds, isChoosable, type Preference } from './preferences.ts'

const fixed: NotificationKind[] = ['account', 'invitation', 'claim_link']

function channels(
  kind: NotificationKind,
  side: Side,
  options: Partial<Parameters<typeof channelsFor>[0]> = {},
): string {
  return channelsFor({
    kind,
    side,
    preferences: [],
    hasEmail: true,
    hasPhone: true,
    smsIsSetUp: true,
    ...options,
  }).join(' ')
}

test('patients are mailed of everything, and get by text message too what is of use only at once', () => {
  for (const kind of choosableKinds) {
    const isTexted = kind === 'waitlist_offer' || kind === 'delay'
    assert.equal(channels(kind, 'patient'), isTexted ? 'email sms' : 'email', kind)
  }
})

test('doctors are mailed of what they must see to, the desk of nothing', () => {
  const mailed = choosableKinds.filter((kind) => channels(kind, 'doctor') !== '')
  assert.deepEqual(mailed, ['requested', 'moved', 'cancelled', 'message'])
  for (const kind of mailed) assert.equal(channels(kind, 'doctor'), 'email')
  for (const kind of choosableKinds) assert.equal(channels(kind, 'desk'), '')
})

test('a patient without an e-mail address gets changes and reminders by text message', () => {
  const texted = choosableKinds.filter(
    (kind) => channels(kind, 'patient', { hasEmail: false }) === 'sms',
  )
  assert.deepEqual(texted, ['moved', 'cancelled', 'reminder', 'waitlist_offer', 'delay'])
  for (const kind of choosableKinds)
    for (const lack of [{ hasPhone: false }, { smsIsSetUp: false }])
      assert.equal(channels(kind, 'patient', { hasEmail: false, ...lack }), '')
})

test('what someone chose goes before what everyone gets', () => {
  const choose = (kind: NotificationKind, channel: Preference['channel'], wanted: boolean) => ({
    preferences: [{ kind, channel, wanted }],
  })
  assert.equal(channels('reminder', 'patient', choose('reminder', 'email', false)), '')
  assert.equal(channels('reminder', 'patient', choose('reminder', 'sms', true)), 'email sms')
  assert.equal(channels('delay', 'patient', choose('delay', 'sms', false)), 'email')
  assert.equal(channels('requested', 'desk', choose('requested', 'email', true)), 'email')
  assert.equal(channels('reminder', 'patient', choose('moved', 'email', false)), 'email')
  const refused = { hasEmail: false, ...choose('reminder', 'sms', false) }
  assert.equal(channels('reminder', 'patient', refused), '')
})

test('what concerns an account, and the links that someone asked for, cannot be switched off', () => {
  for (const kind of fixed) {
    assert.equal(isChoosable(kind), false)
    for (const side of ['patient', 'doctor', 'desk'] as const)
      for (const channel of ['email', 'sms'] as const)
        for (const wanted of [true, false])
          assert.equal(channels(kind, side, { preferences: [{ kind, channel, wanted }] }), 'email')
  }
})

test('a language tag names one of the languages by its first part, or else the fallback', () => {
  assert.equal(languageOf('de-AT', 'en'), 'de')
  assert.equal(languageOf('AR', 'en'), 'ar')
  assert.equal(languageOf('fr-FR', 'de'), 'de')
  assert.equal(languageOf(null, 'en'), 'en')
  assert.equal(languageOf('den', 'en'), 'en')
})
