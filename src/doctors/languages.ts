// Languages that doctors speak, as BCP 47 tags.

import { InvalidRequest, type FieldError } from '#src/kernel/errors.ts'

/**
 * The tags in their canonical spelling ('EN-gb' is 'en-GB'), each once. Throws InvalidRequest that
 * points at each one that is not well-formed (RFC 5646 2.2.9).
 */
export function canonicalLanguages(tags: readonly string[]): string[] {
  const canonical = new Set<string>()
  const errors: FieldError[] = []
  for (const [index, tag] of tags.entries()) {
    const known = canonicalLanguage(tag)
    if (known !== null) canonical.add(known)
    else
      errors.push({
        in: 'body',
        pointer: `/languages/${index}`,
        detail: `/languages/${index} must be a BCP 47 tag such as "fr" or "pt-BR".`,
      })
  }
  if (errors.length > 0) throw new InvalidRequest(errors)
  return [...canonical]
}

function canonicalLanguage(tag: string): string | null {
  try {
    return Intl.getCanonicalLocales(tag)[0] ?? null
  } catch {
    return null
  }
}
