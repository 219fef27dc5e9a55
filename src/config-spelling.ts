// Which variable a misspelled name was meant to be.

/**
 * The name that was probably meant: a slip of a letter or two, letters in another order, or the
 * same first word.
 */
export function nearestName(name: string, known: readonly string[]): string | null {
  const written = name.toUpperCase().replace(/^VISITA_/, '')
  const scored = known
    .map((candidate) => ({ candidate, distance: editDistance(written, candidate) }))
    .filter(({ candidate, distance }) => {
      const firstWord = candidate.match(/^[A-Z]+_/)?.[0]
      const slipsMax = candidate.length < 6 ? 1 : 2
      return (
        distance <= slipsMax ||
        sortedLetters(written) === sortedLetters(candidate) ||
        (firstWord !== undefined && written.startsWith(firstWord))
      )
    })
    .sort((one, other) => one.distance - other.distance)
  return scored[0]?.candidate ?? null
}

function sortedLetters(text: string): string {
  return text.split('').sort().join('')
}

/** How many letters must be put in, left out or changed to make one text the other (Levenshtein). */
function editDistance(one: string, other: string): number {
  let previous = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (const [row, letter] of one.split('').entries()) {
    const current = [row + 1]
    for (const [column, otherLetter] of other.split('').entries())
      current.push(
        Math.min(
          current[column]! + 1,
          previous[column + 1]! + 1,
          previous[column]! + (letter === otherLetter ? 0 : 1),
        ),
      )
    previous = current
  }
  return previous.at(-1)!
}
