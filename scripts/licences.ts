// Under which licences others' code may come into this repository.

/** Those that ask for no more than their text and a notice, and MPL-2.0 for files that stay as they are. */
const allowed = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MIT-0',
  'MPL-2.0',
  'PostgreSQL',
  'Python-2.0',
  'Unlicense',
])

/** Packages whose metadata names no licence, or none by its SPDX name, and the one that lies beside them. */
const readByHand: Record<string, string> = {
  decko: 'MIT',
  stickyfill: 'MIT',
  'url-template': 'BSD-3-Clause',
}

interface LockedPackage {
  version?: string
  license?: string
  link?: boolean
}

export interface Lockfile {
  packages: Record<string, LockedPackage>
}

/** One sentence for each package of a lockfile that may not be used as it is. */
export function licenceFaults({ packages }: Lockfile): string[] {
  return Object.entries(packages)
    .filter(([path, { link }]) => path.includes('node_modules/') && link !== true)
    .flatMap(([path, { version = '', license }]) => {
      const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
      const licence = readByHand[name] ?? license
      if (licence === undefined) return [`${name} ${version} names no licence.`]
      return isAllowed(licence) ? [] : [`${name} ${version} comes under ${licence}.`]
    })
}

/** Reads the operators of SPDX expressions, of which `AND` binds before `OR`, without nesting. */
function isAllowed(expression: string): boolean {
  const plain = expression.replace(/^\((?<inner>[^()]*)\)$/, '$<inner>')
  return plain
    .split(/ OR /)
    .some((choice) => choice.split(/ AND /).every((licence) => allowed.has(licence.trim())))
}
