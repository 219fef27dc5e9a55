// Telephone numbers as people write them, in the one form that providers of text messages take.

import type { CountryCode } from 'libphonenumber-js/min'

/** The library and its tables are read when the first text message is sent, and not before. */
function load() {
  return import('libphonenumber-js/min')
}

/**
 * The number by E.164, such as +4915112345678; null when it is none. Where it does not begin with a
 * country's code, it is read as people in `country` write it: a code of ISO 3166 ("DE") or a name
 * ("Germany", "Deutschland"). Null when nothing is known of the country then.
 */
export async function toE164(phone: string, country: string | null): Promise<string | null> {
  const { parsePhoneNumberFromString, getCountries } = await load()
  const code = country === null ? undefined : codeOf(country, getCountries())
  const number = parsePhoneNumberFromString(phone.replace(/^\s*00/, '+'), code)
  return number?.isPossible() ? number.number : null
}

/** The languages in which the name of a clinic's country is understood. */
const locales = ['en', 'de', 'fr', 'es', 'pt', 'it', 'nl', 'pl', 'tr', 'ru', 'uk', 'ar']

/** What people write that is no country's name by the book. */
const everydayNames: [string, CountryCode][] = [
  ['usa', 'US'],
  ['america', 'US'],
  ['uk', 'GB'],
  ['greatbritain', 'GB'],
  ['england', 'GB'],
  ['scotland', 'GB'],
  ['wales', 'GB'],
  ['holland', 'NL'],
  ['uae', 'AE'],
]

let codes: Map<string, CountryCode> | undefined

function codeOf(country: string, known: readonly CountryCode[]): CountryCode | undefined {
  codes ??= new Map([
    ...everydayNames,
    ...known.flatMap((code) => namesOf(code).map((name) => [name, code] as const)),
  ])
  return codes.get(plain(country))
}

const dictionaries = locales.map((locale) => new Intl.DisplayNames(locale, { type: 'region' }))

function namesOf(code: CountryCode): string[] {
  return [code, ...dictionaries.map((names) => names.of(code) ?? code)].map(plain)
}

/** Without case, accents, dots and spaces: "U.S.A." and "usa" are one. */
function plain(name: string): string {
  return name
    .normalize('NFD')
    .replaceAll(/[\p{M}\p{P}\s]/gu, '')
    .toLowerCase()
}
