// Taking in a file: read, planned against what is there, and written as a whole or not at all.

import { record } from '#src/audit/audit.ts'
import type { SignedInContext } from '#src/context.ts'
import type { Queryable } from '#src/db/connect.ts'
import { transact, type Transact } from '#src/events/events.ts'
import { Refusal } from '#src/kernel/errors.ts'
import { readImportFile, type Columns, type ImportLine, type ImportProblem } from './import-file.ts'
import { lockImports } from './import-queries.ts'
import { refuseUnlessAdmin } from './policy.ts'

/** What the lines of a file come to. */
export interface ImportPlan {
  problems: ImportProblem[]
  counts: ImportCounts
  /** Ids for the audit of what the plan looked at and did not change. */
  found?: Record<string, readonly string[]>
  /**
   * Writes it; for a plan without problems, in the transaction that it was made in.
   *
   * @throws ImportRefused for what has come up since it was made.
   */
  write: (tx: Transact) => Promise<void>
}

export interface ImportCounts {
  made: number
  changed: number
  unchanged: number
  /** Of doctors: how many are invited. */
  invited?: number
}

export interface ImportAnswer extends ImportCounts {
  dryRun: boolean
  lines: number
  problems: ImportProblem[]
  problemCount: number
}

/** One kind of file. */
export interface ImportKind<Column extends string> {
  name: 'doctors' | 'hours' | 'patients'
  columns: Columns<Column>
  plan: (
    context: SignedInContext,
    db: Queryable,
    lines: readonly ImportLine<Column>[],
  ) => Promise<ImportPlan>
  /** Keeps others from changing what the plan is made from, until the transaction commits. */
  lock?: (db: Queryable) => Promise<void>
}

/** More problems than this are counted and not listed. */
const problemsMax = 1000

/** A file that was not taken in; `found` are ids for the audit. */
export class ImportRefused extends Refusal {
  readonly found: Record<string, readonly string[]>

  constructor(lines: number, problems: readonly ImportProblem[], found = {}) {
    const listed = inOrder(problems)
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`
    super('invalid-request', `The file has ${count}. Nothing was imported.`, {
      errors: listed.slice(0, 20).map(({ line, column, detail }) => ({
        in: 'body',
        pointer: '',
        detail: `Line ${line}${column === undefined ? '' : `, ${column}`}: ${detail}`,
      })),
      lines,
      problems: listed,
      problemCount: problems.length,
    })
    this.found = found
  }
}

function inOrder(problems: readonly ImportProblem[]): ImportProblem[] {
  return problems.toSorted((one, other) => one.line - other.line).slice(0, problemsMax)
}

/**
 * Takes in a file, or with `dryRun` only tells what would become of it. Imports of the same kind come one
 * after the other. Each leaves an audit row.
 *
 * @throws NotAllowed; without `dryRun` ImportRefused with all that is wrong, after which nothing has changed.
 */
export async function importFile<Column extends string>(
  context: SignedInContext,
  kind: ImportKind<Column>,
  { text, dryRun }: { text: string; dryRun: boolean },
): Promise<ImportAnswer> {
  refuseUnlessAdmin(context)
  const file = readImportFile(text, kind.columns)
  if (dryRun) {
    const plan = await kind.plan(context, context.db, file.lines)
    const problems = [...file.problems, ...plan.problems]
    await recordImport(context, context.db, kind, { ...plan, dryRun, lines: file.lines.length })
    return answerOf(file.lines.length, { ...plan, problems, dryRun })
  }
  try {
    return await transact(context, async (tx) => {
      await lockImports(tx.db, kind.name)
      await kind.lock?.(tx.db)
      const plan = await kind.plan(context, tx.db, file.lines)
      const problems = [...file.problems, ...plan.problems]
      if (problems.length > 0) throw new ImportRefused(file.lines.length, problems, plan.found)
      await plan.write(tx)
      await recordImport(context, tx.db, kind, { ...plan, dryRun, lines: file.lines.length })
      return answerOf(file.lines.length, { ...plan, problems, dryRun })
    })
  } catch (error) {
    if (error instanceof ImportRefused)
      await record(context, context.db, {
        action: `import.${kind.name}`,
        subjectType: 'import',
        subjectId: null,
        allowed: false,
        details: { lines: file.lines.length, ...error.found },
      })
    throw error
  }
}

async function recordImport(
  context: SignedInContext,
  db: Queryable,
  { name }: { name: string },
  done: Pick<ImportPlan, 'counts' | 'found'> & { dryRun: boolean; lines: number },
): Promise<void> {
  const { counts, found, dryRun, lines } = done
  await record(context, db, {
    action: `import.${name}`,
    subjectType: 'import',
    subjectId: null,
    details: { lines, ...(dryRun ? { dryRun } : counts), ...found },
  })
}

function answerOf(
  lines: number,
  {
    dryRun,
    counts,
    problems,
  }: { dryRun: boolean; counts: ImportCounts; problems: readonly ImportProblem[] },
): ImportAnswer {
  return {
    dryRun,
    lines,
    ...counts,
    problems: inOrder(problems),
    problemCount: problems.length,
  }
}
