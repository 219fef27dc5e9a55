// What patients write when they book, and why they cancel.

import type { ClinicKey, SpecialtyCode } from './clinics.ts'

interface Reasons {
  german: readonly string[]
  canadian: readonly string[]
}

const reasons: Record<SpecialtyCode, Reasons> = {
  'general-practice': {
    german: ['Husten seit zwei Wochen', 'Blutwerte besprechen', 'Check-up', 'Rezept für Inhalator'],
    canadian: ['Toux depuis deux semaines', 'Annual check-up', 'Renouvellement d’ordonnance'],
  },
  cardiology: {
    german: [
      'Herzstolpern',
      'Bluthochdruck trotz Tabletten',
      'Kontrolle nach Stent',
      'EKG besprechen',
    ],
    canadian: ['Palpitations le soir', 'Blood pressure review', 'Suivi après stent'],
  },
  dermatology: {
    german: ['Leberfleck hat sich verändert', 'Ausschlag an den Händen', 'Hautkrebsvorsorge'],
    canadian: ['Grain de beauté à vérifier', 'Eczema is back', 'طفح جلدي على اليدين'],
  },
  'ear-nose-throat': {
    german: ['Hörsturz?', 'Nasennebenhöhlen', 'Schwindel'],
    canadian: ['Acouphènes', 'Hearing test'],
  },
  gynaecology: {
    german: ['Vorsorge', 'Schwangerschaft, 14. Woche', 'Beratung Verhütung'],
    canadian: ['Suivi de grossesse', 'Annual visit'],
  },
  neurology: {
    german: ['Migräne, dreimal im Monat', 'Kribbeln in den Füßen', 'Мігрень'],
    canadian: ['Migraines fréquentes', 'Numb fingers', 'Dolor de cabeza'],
  },
  ophthalmology: {
    german: ['Sehe abends unscharf', 'Brille', 'Kontrolle Augendruck'],
    canadian: ['Vision floue', 'New glasses', '配眼镜'],
  },
  orthopaedics: {
    german: ['Knie nach dem Laufen', 'Schulter, seit dem Sturz', 'Rücken, wieder einmal'],
    canadian: ['Genou enflé', 'Shoulder pain'],
  },
  paediatrics: {
    german: ['U6', 'Impfung', 'Fieber, seit gestern', 'Kita verlangt ein Attest'],
    canadian: ['Vaccin', 'Fièvre'],
  },
  psychotherapy: {
    german: ['Erstgespräch', 'Schlafe schlecht'],
    canadian: ['Première rencontre', 'Trouble sleeping'],
  },
}

export const cancelReasons = [
  'I have found an earlier time.',
  'Ich bin krank geworden.',
  'Imprévu au travail.',
  'It has got better by itself.',
] as const

/** What a patient of the clinic may write to a doctor of the specialty. */
export function reasonsFor(specialty: SpecialtyCode, clinic: ClinicKey): readonly string[] {
  return clinic === 'montreal' ? reasons[specialty].canadian : reasons[specialty].german
}

/** What the desk notes for the doctor; patients don't see it. */
export const staffNotes = [
  'Comes in a wheelchair, room on the ground floor.',
  'Bringt die Tochter als Dolmetscherin mit.',
  'Insurance card is still missing.',
  'Préfère être appelé, pas de courriel.',
] as const
