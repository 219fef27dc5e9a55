// A patient's address, insurance number and emergency contact: as they are sent, kept and shown.

import { invalidField } from '#src/kernel/errors.ts'
import type { ContactDetails } from './queries.ts'

type AddressPart = 'street' | 'postalCode' | 'city' | 'country'

export interface ContactInput {
  /** Only the parts that are named change; null takes out a part, or the whole. */
  address?: Partial<Record<AddressPart, string | null>> | null
  insuranceNumber?: string | null
  emergencyContact?: { name: string; phone: string; relation?: string } | null
}

const addressParts: readonly AddressPart[] = ['street', 'postalCode', 'city', 'country']

/**
 * What the input changes; what it leaves out stays as it is.
 *
 * @throws InvalidRequest for an emergency contact without a name that can be read.
 */
export function readContact(input: ContactInput): Partial<ContactDetails> {
  const { address, insuranceNumber, emergencyContact } = input
  return {
    ...(address === null && { street: null, postalCode: null, city: null, country: null }),
    ...(address && readAddress(address)),
    ...(insuranceNumber !== undefined && { insuranceNumber: tidy(insuranceNumber) }),
    ...(emergencyContact !== undefined && readEmergencyContact(emergencyContact)),
  }
}

function readAddress(address: NonNullable<ContactInput['address']>): Partial<ContactDetails> {
  return Object.fromEntries(
    addressParts.flatMap((part) => {
      const value = address[part]
      return value === undefined ? [] : [[part, tidy(value)]]
    }),
  )
}

function readEmergencyContact(
  contact: NonNullable<ContactInput['emergencyContact']> | null,
): Partial<ContactDetails> {
  if (contact === null)
    return { emergencyName: null, emergencyPhone: null, emergencyRelation: null }
  const emergencyName = tidy(contact.name)
  if (emergencyName === null)
    throw invalidField('/emergencyContact/name', '/emergencyContact/name must be a name.')
  return {
    emergencyName,
    emergencyPhone: contact.phone,
    emergencyRelation: tidy(contact.relation ?? null),
  }
}

/** Without space around it; text of nothing else is none. */
function tidy(value: string | null): string | null {
  const trimmed = value?.trim().normalize('NFC')
  return trimmed === undefined || trimmed === '' ? null : trimmed
}

/** As the API shows them: what there is. */
export function presentContact(details: ContactDetails) {
  const { street, postalCode, city, country, insuranceNumber } = details
  const { emergencyName, emergencyPhone, emergencyRelation } = details
  const address = {
    ...(street !== null && { street }),
    ...(postalCode !== null && { postalCode }),
    ...(city !== null && { city }),
    ...(country !== null && { country }),
  }
  return {
    ...(Object.keys(address).length > 0 && { address }),
    ...(insuranceNumber !== null && { insuranceNumber }),
    ...(emergencyName !== null &&
      emergencyPhone !== null && {
        emergencyContact: {
          name: emergencyName,
          phone: emergencyPhone,
          ...(emergencyRelation !== null && { relation: emergencyRelation }),
        },
      }),
  }
}

/** A record of which none of these is known. */
export const noContact: ContactDetails = {
  street: null,
  postalCode: null,
  city: null,
  country: null,
  insuranceNumber: null,
  emergencyName: null,
  emergencyPhone: null,
  emergencyRelation: null,
}
