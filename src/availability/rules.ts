// What weekly hours and dated openings have in common, checked against the doctor they are for.

import type { FieldError } from '#src/kernel/errors.ts'
import { parseMinute } from '#src/kernel/time.ts'
import type { ScheduledDoctor } from './schedule-queries.ts'

/** A stretch of a clinic's day. `to` at or before `from` runs past midnight. */
export interface RuleInput {
  clinicId: string
  from: string
  to: string
  visitTypeIds?: string[]
}

export interface RuleColumns {
  clinic_id: string
  from_minute: number
  to_minute: number
  visit_type_ids: string[] | null
}

/** The rule as it is stored. Call it for rules that `ruleErrors` finds nothing in. */
export function ruleColumns(rule: RuleInput): RuleColumns {
  return {
    clinic_id: rule.clinicId,
    from_minute: parseMinute(rule.from) ?? 0,
    to_minute: parseMinute(rule.to) ?? 0,
    visit_type_ids: rule.visitTypeIds ?? null,
  }
}

/** What is wrong with the rule; `pointer` is where it stands in the body, '' for the body itself. */
export function ruleErrors(
  rule: RuleInput,
  options: { doctor: ScheduledDoctor; pointer: string },
): FieldError[] {
  const { doctor, pointer } = options
  const errors: FieldError[] = []
  if (!doctor.clinics.some((clinic) => clinic.id === rule.clinicId))
    errors.push(
      wrong(
        `${pointer}/clinicId`,
        "must be one of the doctor's clinics, and for the front desk its own",
      ),
    )
  errors.push(...minuteErrors(rule, pointer))
  for (const [index, id] of (rule.visitTypeIds ?? []).entries())
    if (!doctor.visitTypeIds.includes(id))
      errors.push(
        wrong(`${pointer}/visitTypeIds/${index}`, "must be one of the doctor's visit types"),
      )
  return errors
}

function minuteErrors(rule: RuleInput, pointer: string): FieldError[] {
  if (parseMinute(rule.from) === 1440)
    return [wrong(`${pointer}/from`, 'must be 23:59 or earlier: a day begins at 00:00')]
  if (rule.from === rule.to)
    return [
      wrong(
        `${pointer}/to`,
        'must differ from `from`: the whole day is from 00:00 to 24:00, an earlier `to` is on the next day',
      ),
    ]
  return []
}

/** A body field that is not as it must be. */
export function wrong(pointer: string, requirement: string): FieldError {
  return { in: 'body', pointer, detail: `${pointer} ${requirement}.` }
}
