// The patients of the demo: names as they meet in the waiting rooms of three cities.

import { addDays, type LocalDate } from '#src/kernel/time.ts'
import type { ClinicKey } from './clinics.ts'
import type { Random } from './random.ts'

export interface DemoPatient {
  name: string
  phone: string
  email: string | null
  dateOfBirth: LocalDate
  isChild: boolean
  /** Where they are seen. */
  clinic: ClinicKey
}

interface Names {
  given: readonly [string, ...string[]]
  family: readonly [string, ...string[]]
}

function names(given: string, family: string): Names {
  return { given: listOf(given), family: listOf(family) }
}

function listOf(text: string): [string, ...string[]] {
  const [first = '', ...rest] = text.split(' ')
  return [first, ...rest]
}

const german = names(
  'Anna Björn Charlotte Dörte Emil Friederike Günther Hannelore Jörg Käthe Lukas Mareike Paul Sönke Theresa Uwe',
  'Bäcker Drögemüller Eckstein Fuhrmann Großmann Hübner Jansen Köhler Lindemann Müller-Wohlgemuth Petersen Rößler Schäfer Voß',
)
const turkish = names(
  'Ayşe Barış Çağla Deniz Elif Gökhan Hülya İbrahim Merve Özge Umut Zeynep',
  'Aydın Çelik Doğan Güneş Kılıç Şahin Yıldız Öztürkmen',
)
const arabic = names(
  'أحمد فاطمة يوسف مريم خالد نور سلمى طارق هدى عمر',
  'الحسن النجار الشامي حداد المصري الزيات بركات',
)
const polish = names(
  'Agnieszka Bartłomiej Dorota Grzegorz Joanna Krzysztof Małgorzata Paweł Zofia',
  'Dąbrowska-Nowak Jabłoński Kamińska Lewandowski Szymczak Wójcik Żuraw',
)
const vietnamese = names('Minh Thảo Đức Hương Quốc Lan', 'Trần Phạm Lê Hoàng Đặng Vũ')
const ukrainian = names(
  'Олена Андрій Марія Тарас Наталія Сергій Ірина Богдан',
  'Шевченко Бондаренко Ткачук Мельник Коваль Гончар',
)
const french = names(
  'Aurélie Benoît Chloé Étienne François Gisèle Jean-Baptiste Léa Marie-Ève Noémie Océane Raphaël Zoé',
  'Beauchemin Côté Desrosiers Fréchette Gagné Lévesque L’Écuyer Ouellet Saint-Onge Thériault',
)
const english = names(
  'Abigail Connor Deborah Ewan Fiona Graham Harriet Imogen Liam Maeve Oliver Siobhán',
  'Abernathy Blackwood Fitzgerald Hollingsworth McAllister O’Sullivan Pemberton Whitaker',
)
const haitian = names(
  'Wideline Jocelyn Marckenson Rose-Laure Stanley',
  'Toussaint Pierre-Louis Désir Jean-Charles',
)
const spanish = names(
  'Álvaro Begoña Concepción Iñigo Lucía Maximiliano Ximena',
  'Castañeda Fernández-Villaverde Ibáñez Muñoz Quiñones Zúñiga',
)
const chinese = names('伟 芳 秀英 敏 静 磊', '王 李 张 刘 陈')
const tamil = names(
  'Arjun Kavitha Lakshmi Murugan Nithya',
  'Subramaniam Ramachandran Sivakumar Thiruvengadam',
)

/** Who lives where; a list that comes twice is twice as common. */
const cultures: Record<ClinicKey, readonly [Names, ...Names[]]> = {
  berlin: [german, german, german, turkish, arabic, polish, vietnamese, ukrainian],
  hamburg: [german, german, german, turkish, polish, ukrainian, tamil, arabic],
  montreal: [french, french, french, english, haitian, spanish, chinese, arabic],
}

const numbers: Record<ClinicKey, number> = { berlin: 160, hamburg: 110, montreal: 130 }

/** Names at the limits of what a list can show. */
const unusual: { name: string; clinic: ClinicKey }[] = [
  { name: 'Maria-Magdalena Wolkenstein-Rodenegg zu Trostburg und Aichach', clinic: 'berlin' },
  { name: 'Ng', clinic: 'hamburg' },
  {
    name: 'Wilhelmina Philippina Antonia van der Sloot-van den Bosch tot Beerenbrouck',
    clinic: 'hamburg',
  },
  { name: 'عبد الرحمن بن محمد بن عبد الله الأنصاري', clinic: 'montreal' },
  { name: 'Chukwuemeka Oluwaseun Nwachukwu-Adebayo', clinic: 'montreal' },
  { name: 'Þórður Ægir Ólafsson', clinic: 'berlin' },
]

/** The patients, the same ones for the same generator and day; `today` is the day of the demo. */
export function makePatients(random: Random, today: LocalDate): DemoPatient[] {
  const taken = new Set<string>()
  const patients: DemoPatient[] = []
  const add = (name: string, clinic: ClinicKey) => {
    if (taken.has(name)) return
    taken.add(name)
    const isChild = random.chance(0.25)
    const ageDays = isChild ? random.between(30, 16 * 365) : random.between(19 * 365, 92 * 365)
    patients.push({
      name,
      phone: phoneOf(patients.length, clinic),
      email: random.chance(0.7) ? emailOf(name) : null,
      dateOfBirth: addDays(today, -ageDays),
      isChild,
      clinic,
    })
  }
  for (const { name, clinic } of unusual) add(name, clinic)
  for (const clinic of ['berlin', 'hamburg', 'montreal'] as const)
    for (let count = 0; count < numbers[clinic]; count += 1) {
      const { given, family } = random.pick(cultures[clinic])
      const [first, last] = [random.pick(given), random.pick(family)]
      // Chinese and Vietnamese names begin with the family's.
      const isFamilyFirst = given === chinese.given || given === vietnamese.given
      add(isFamilyFirst ? `${last} ${first}` : `${first} ${last}`, clinic)
    }
  return patients
}

/** From the ranges that the regulators keep free for films and books. */
function phoneOf(index: number, clinic: ClinicKey): string {
  const digits = String(index % 100).padStart(2, '0')
  if (clinic === 'montreal') return `+1 514-555-01${digits}`
  return clinic === 'berlin' ? `+49 176 040690 ${digits}` : `+49 171 39200 ${digits}`
}

/** An address made of the name's Latin letters, or null when it has none. */
export function emailOf(name: string): string | null {
  const letters = name
    .normalize('NFD')
    .toLowerCase()
    .replaceAll('ß', 'ss')
    .replaceAll('ı', 'i')
    .replaceAll('đ', 'd')
    .replaceAll('ł', 'l')
    .replaceAll(/\p{Mark}/gu, '')
  const words = letters.match(/[a-z]{2,}/g)
  return words === null ? null : `${words.slice(0, 3).join('.')}@example.org`
}
