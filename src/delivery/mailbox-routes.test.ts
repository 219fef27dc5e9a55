import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createApp } from '#src/app.ts'
import type { App } from '#src/http/server.ts'
import { testVisita } from '#test/support/visita.ts'
import { Undeliverable, type Mail } from './delivery.ts'
import { mailboxRoutes } from './mailbox-routes.ts'
import { createMailbox, keptMax, type MemoryMailbox } from './mailbox.ts'

const { app: usual, runtime } = await testVisita()
const apps: App[] = []

after(async () => {
  for (const app of apps) await app.close()
})

async function demo(): Promise<{ app: App; mailbox: MemoryMailbox }> {
  const mailbox = createMailbox({ clock: runtime.clock, from: 'Visita <visits@visita.example>' })
  const app = await createApp(runtime, { furtherRoutes: (app) => mailboxRoutes(app, mailbox) })
  apps.push(app)
  return { app, mailbox }
}

function mail(change: Partial<Mail> = {}): Mail {
  return {
    id: 'm1',
    to: { name: 'Anna Berg', address: 'anna@example.org' },
    replyTo: { name: 'Empfang', address: 'empfang@example.org' },
    subject: 'Your visit',
    text: 'See http://127.0.0.1:3000/visit#view.abc.',
    html: '<html><head><title>x</title></head><body><a href="http://127.0.0.1:3000/">x</a></body></html>',
    calendar: null,
    ...change,
  }
}

test('a Visita that is no demo has no mailbox', async () => {
  for (const path of ['/dev/mail', '/dev/mail/1', '/dev/mail/1/html', '/dev/mail/mailbox.css'])
    assert.equal((await usual.inject(path)).statusCode, 404, path)
})

test('what was sent is listed newest first, whom it went to and of which kind', async () => {
  const { app, mailbox } = await demo()
  assert.match((await app.inject('/dev/mail')).body, /Nothing has been sent yet/)
  const sent = await mailbox.senders.mail!.send(mail())
  await mailbox.senders.sms!.send({ id: 't1', to: '+4915112345678', text: 'Tomorrow at 10:40' })
  await mailbox.senders.mail!.send(
    mail({
      subject: 'Moved',
      to: { name: 'Zoë', address: 'zoe@example.org' },
      calendar: { method: 'REQUEST', content: 'BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n' },
    }),
  )
  assert.deepEqual(sent, { providerId: '1' })
  assert.equal(await mailbox.senders.mail!.deliveryOf!('1'), 'delivered')
  const { body } = await app.inject('/dev/mail')
  const hrefs = [...body.matchAll(/href="(\/dev\/mail\/\d+)"/g)].map(([, href]) => href)
  assert.deepEqual(hrefs, ['/dev/mail/3', '/dev/mail/2', '/dev/mail/1'])
  for (const text of ['Anna Berg', 'Zoë', '+4915112345678', 'Tomorrow at 10:40', 'Calendar'])
    assert.ok(body.includes(text), text)

  const { body: forZoe } = await app.inject('/dev/mail?to=zoe%40example.org')
  const links = [...forZoe.matchAll(/href="(\/dev\/mail\/\d+[^"]*)"/g)].map(([, href]) => href)
  assert.deepEqual(links, ['/dev/mail/3?to=zoe%40example.org'])
  assert.match((await app.inject('/dev/mail?to=nobody')).body, /No messages to nobody/)
})

test('a message shows its HTML in a frame, its text with links, its headers and its invitation', async () => {
  const { app, mailbox } = await demo()
  const content = 'BEGIN:VCALENDAR\r\nSUMMARY:Müller\r\nEND:VCALENDAR\r\n'
  await mailbox.senders.mail!.send(mail({ calendar: { method: 'CANCEL', content } }))
  const { body } = await app.inject('/dev/mail/1')
  const [frame = ''] = /<iframe[^>]*>/.exec(body) ?? []
  assert.match(frame, /src="\/dev\/mail\/1\/html"/)
  assert.match(frame, /sandbox="allow-same-origin allow-popups allow-popups-to-escape-sandbox"/)
  assert.match(
    body,
    /<a href="http:\/\/127\.0\.0\.1:3000\/visit#view\.abc" target="_blank" rel="noreferrer">/,
  )
  assert.match(body, /Message-ID: &lt;m1@visita\.example&gt;/)
  assert.match(body, /Auto-Submitted: auto-generated/)
  assert.match(body, /From: Visita &lt;visits@visita\.example&gt;/)
  const invitation = await app.inject('/dev/mail/1/invite.ics')
  assert.match(String(invitation.headers['content-type']), /^text\/calendar/)
  assert.equal(invitation.body, content)
})

test('the HTML of a mail has a policy of its own: its styles and no script, and links beside the page', async () => {
  const { app, mailbox } = await demo()
  await mailbox.senders.mail!.send(mail())
  const framed = await app.inject('/dev/mail/1/html')
  const policy = String(framed.headers['content-security-policy'])
  assert.match(policy, /default-src 'none'/)
  assert.match(policy, /style-src 'unsafe-inline'/)
  assert.match(policy, /frame-ancestors 'self'/)
  assert.match(policy, /sandbox (?!.*allow-scripts)/)
  assert.doesNotMatch(policy, /script-src/)
  assert.equal(framed.headers['x-frame-options'], 'SAMEORIGIN')
  assert.match(framed.body, /<head><base target="_blank">/)

  for (const path of ['/dev/mail', '/dev/mail/1']) {
    const page = await app.inject(path)
    const outer = String(page.headers['content-security-policy'])
    assert.match(outer, /script-src 'self'/)
    assert.doesNotMatch(outer, /unsafe-inline/)
    assert.doesNotMatch(page.body, /<style|style=|\son\w+=|<script(?![^>]*\ssrc=)/)
    for (const [, part = ''] of page.body.matchAll(/(?:src|href)="(\/dev\/mail\/mailbox[^"]+)"/g))
      assert.equal((await app.inject(part)).statusCode, 200)
  }
})

test('whatever is written in a message stays text on the page around it', async () => {
  const { app, mailbox } = await demo()
  const evil = `"><img src=x onerror=alert(1)><script>alert(1)</script>'&`
  const { mail: sender, sms } = mailbox.senders
  await sender!.send(
    mail({
      id: evil,
      to: { name: evil, address: 'anna@example.org' },
      replyTo: { name: evil, address: 'a@example.org' },
      subject: evil,
      text: `https://example.org/"onmouseover="x ${evil}`,
      calendar: { method: 'REQUEST', content: evil },
    }),
  )
  await sms!.send({ id: 't', to: evil, text: `javascript:alert(1) https://a.example/<b>'${evil}` })
  const paths = [
    '/dev/mail',
    '/dev/mail/1',
    '/dev/mail/2',
    `/dev/mail?to=${encodeURIComponent(evil)}`,
  ]
  for (const path of paths) {
    const { body } = await app.inject(path)
    assert.ok(body.includes('&lt;script&gt;'), path)
    assert.doesNotMatch(body, /<img|<script>|<b>|"onmouseover|href="javascript/, path)
  }
})

test('only the newest are kept, and one that is gone is not found', async () => {
  const { app, mailbox } = await demo()
  for (let index = 1; index <= keptMax + 1; index += 1)
    await mailbox.senders.mail!.send(mail({ subject: `Mail ${index}` }))
  assert.equal(mailbox.all().length, keptMax)
  assert.equal(mailbox.find(1), undefined)
  const gone = await app.inject('/dev/mail/1')
  assert.equal(gone.statusCode, 404)
  assert.match(gone.body, /This message is not here/)
  assert.equal((await app.inject('/dev/mail/1/html')).statusCode, 404)
  assert.equal((await app.inject('/dev/mail/2/invite.ics')).statusCode, 404)
  assert.equal((await app.inject('/dev/mail/2')).statusCode, 200)
  assert.equal((await app.inject('/dev/mail/x')).statusCode, 422)
})

test('an address that is none is refused there as by a mail server', async () => {
  const { mailbox } = await demo()
  const to = { name: '', address: 'a@example.org, b@example.org' }
  await assert.rejects(mailbox.senders.mail!.send(mail({ to })), Undeliverable)
  assert.equal(mailbox.all().length, 0)
})

test('the demo’s mailbox is not part of the API that openapi.json describes', async () => {
  const { app } = await demo()
  assert.doesNotMatch((await app.inject('/openapi.json')).body, /dev\/mail/)
})
