// What accounts are told of themselves in German. Pure.

import type { Phrases } from './wording-parts.ts'

const notYou = 'Wenn Sie das nicht waren, sagen Sie es bitte gleich der Praxis.'
const changePassword = 'Wenn Sie das nicht waren, ändern Sie bitte gleich Ihr Passwort.'
const askIfMistaken = 'Wenn Sie das für einen Irrtum halten, fragen Sie bitte'

export const germanForAccounts: Phrases['account'] = {
  welcome: ({ hasLink }) => ({
    subject: 'Willkommen',
    line: 'Ihr Konto ist bereit. Melden Sie sich an, um Ihre Termine zu sehen.',
    more: [
      ...(hasLink ? ['Bitte bestätigen Sie, dass dies Ihre E-Mail-Adresse ist.'] : []),
      'Wenn Sie kein Konto angelegt haben, brauchen Sie nichts zu tun.',
    ],
  }),
  record_claimed: () => ({
    subject: 'Eine Akte wurde mit Ihrem Konto verbunden',
    line: 'Die Akte, die eine Praxis führt, ist nun mit Ihrem Konto verbunden. Sie sehen jetzt die Termine darin.',
    more: [notYou],
  }),
  session_reused: () => ({
    subject: 'Sie wurden zum Schutz Ihres Kontos abgemeldet',
    line: 'Eine Ihrer Anmeldungen wurde an zwei Stellen benutzt, darum haben wir sie beendet. Bitte melden Sie sich neu an.',
    more: ['Wenn jemand anderes Ihr Passwort kennen könnte, ändern Sie es bitte.'],
  }),
  verify_email: () => ({
    subject: 'Bitte bestätigen Sie Ihre E-Mail-Adresse',
    line: 'Bitte bestätigen Sie, dass dies Ihre E-Mail-Adresse ist. Der Link gilt einmal, sieben Tage lang.',
    more: ['Wenn Sie kein Konto angelegt haben, brauchen Sie nichts zu tun.'],
  }),
  reset_password: () => ({
    subject: 'Ein neues Passwort wählen',
    line: 'Jemand möchte für Ihr Konto ein neues Passwort wählen. Der Link gilt einmal, eine Stunde lang.',
    more: [
      'Wenn Sie das nicht waren, brauchen Sie nichts zu tun: Ihr Passwort bleibt, wie es ist.',
    ],
  }),
  change_email: () => ({
    subject: 'Bestätigen Sie Ihre neue E-Mail-Adresse',
    line: 'Jemand möchte diese E-Mail-Adresse für sein Konto verwenden. Der Link gilt einmal, 24 Stunden lang.',
    more: ['Wenn Sie das nicht waren, brauchen Sie nichts zu tun.'],
  }),
  email_change_asked: () => ({
    subject: 'Ihre E-Mail-Adresse soll geändert werden',
    line: 'Jemand, der Ihr Passwort kennt, möchte für Ihr Konto eine andere E-Mail-Adresse verwenden. Sie ändert sich, sobald der Link in der Mail an jene Adresse geöffnet wird.',
    more: [changePassword],
  }),
  email_changed: () => ({
    subject: 'Ihre E-Mail-Adresse wurde geändert',
    line: 'Ihr Konto hat nun eine andere E-Mail-Adresse. Mails gehen von jetzt an dorthin.',
    more: [notYou],
  }),
  password_changed: () => ({
    subject: 'Ihr Passwort wurde geändert',
    line: 'Das Passwort Ihres Kontos wurde geändert, und seine anderen Anmeldungen wurden beendet.',
    more: [
      'Kalender in anderen Programmen, die Ihre Termine über eine geheime Adresse lesen, tun das weiterhin. Sie können jeden davon bei den Kalender-Feeds Ihres Kontos beenden.',
      notYou,
    ],
  }),
  second_factor_on: () => ({
    subject: 'Ihre Anmeldung hat nun einen zweiten Schritt',
    line: 'Von jetzt an brauchen Sie zum Anmelden außer dem Passwort einen Code aus Ihrer App.',
    more: ['Bitte bewahren Sie Ihre Wiederherstellungscodes sicher auf.', notYou],
  }),
  second_factor_off: () => ({
    subject: 'Ihre Anmeldung hat keinen zweiten Schritt mehr',
    line: 'Von jetzt an genügt zum Anmelden das Passwort.',
    more: [notYou],
  }),
  recovery_code_used: () => ({
    subject: 'Ein Wiederherstellungscode wurde benutzt',
    line: 'Jemand hat sich mit einem Ihrer Wiederherstellungscodes an Ihrem Konto angemeldet. Er gilt nun nicht mehr.',
    more: [changePassword],
  }),
  second_factor_locked: () => ({
    subject: 'Für Ihr Konto wurden falsche Codes versucht',
    line: 'Jemand, der Ihr Passwort kennt, hat mehrere falsche Codes gesendet. Eine Weile wird kein Code Ihrer App angenommen; Ihre Wiederherstellungscodes gelten weiterhin.',
    more: [changePassword],
  }),
  recovery_codes_renewed: () => ({
    subject: 'Sie haben neue Wiederherstellungscodes',
    line: 'Für Ihr Konto wurden neue Wiederherstellungscodes erstellt. Die früheren gelten nicht mehr, und seine anderen Anmeldungen wurden beendet.',
    more: [changePassword],
  }),
  calendar_feed_made: () => ({
    subject: 'Ein Kalender-Feed Ihres Kontos wurde angelegt',
    line: 'Wer seine geheime Adresse hat, sieht Termine Ihres Kontos im Kalender eines anderen Programms, bis Sie ihn beenden.',
    more: ['Sie können ihn bei den Kalender-Feeds Ihres Kontos beenden.', notYou],
  }),
  disabled: () => ({
    subject: 'Ihr Konto wurde gesperrt',
    line: 'Ihr Konto wurde gesperrt, und Sie können sich nicht mehr anmelden.',
    more: [`${askIfMistaken} die Praxis.`],
  }),
  enabled: () => ({
    subject: 'Ihr Konto ist wieder offen',
    line: 'Ihr Konto wurde wieder freigegeben. Sie können sich mit Ihrem bisherigen Passwort anmelden.',
    more: [],
  }),
  role_changed: () => ({
    subject: 'Was Sie in Visita tun können, hat sich geändert',
    line: 'Ihr Konto hat nun eine andere Rolle. Melden Sie sich an, um zu sehen, was Sie tun können.',
    more: [],
  }),
  access_invited: () => ({
    subject: 'Sie sind eingeladen, bei Terminen zu helfen',
    line: 'Jemand möchte Ihnen Zugang zu den Terminen einer Patientin oder eines Patienten geben. Der Link gilt einmal.',
    more: [
      'Melden Sie sich an oder legen Sie ein Konto an, um ihn anzunehmen. Wenn Sie ihn nicht erwartet haben, brauchen Sie nichts zu tun.',
    ],
  }),
  access_granted: () => ({
    subject: 'Sie haben Zugang zu weiteren Terminen',
    line: 'Sie haben Zugang zu den Terminen einer anderen Person bekommen. Melden Sie sich an, um sie zu sehen.',
    more: ['Wenn Sie das nicht erwartet haben, sagen Sie es bitte der Praxis.'],
  }),
  access_ending: ({ lastDay }) => ({
    subject: 'Ihr Zugang zu Terminen endet bald',
    line: `Ihr Zugang zu den Terminen einer anderen Person endet ${lastDay === null ? 'bald' : `am ${lastDay}`}.`,
    more: ['Wenn Sie ihn dann noch brauchen, bitten Sie rechtzeitig darum.'],
  }),
  access_ended: () => ({
    subject: 'Ihr Zugang zu Terminen ist beendet',
    line: 'Ihr Zugang zu den Terminen einer anderen Person ist beendet.',
    more: ['Wenn Sie ihn noch brauchen, fragen Sie bitte diese Person oder die Praxis.'],
  }),
  membership_added: ({ clinic }) => ({
    subject: 'Sie arbeiten nun an einem Empfang',
    line:
      clinic === null
        ? 'Sie gehören nun zum Empfang einer Praxis.'
        : `Sie gehören nun zum Empfang: ${clinic}.`,
    more: [],
  }),
  membership_removed: ({ clinic }) => ({
    subject: 'Sie arbeiten nicht mehr an einem Empfang',
    line:
      clinic === null
        ? 'Sie gehören nicht mehr zum Empfang einer Praxis.'
        : `Sie gehören nicht mehr zum Empfang: ${clinic}.`,
    more: [`${askIfMistaken} die Verwaltung.`],
  }),
}
