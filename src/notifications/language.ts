// In which of the languages that Visita writes someone is written to. Pure.

import { languages, type Language } from './facts.ts'

/**
 * The language of a BCP 47 tag by its first subtag, so that "de-AT" is German; `fallback` for no tag
 * and for a language that nothing is written in.
 */
export function languageOf(locale: string | null, fallback: Language): Language {
  const primary = locale?.split('-', 1)[0]?.toLowerCase()
  return languages.find((language) => language === primary) ?? fallback
}
