// What messages say in Arabic, addressing people in the plural as is polite. Digits are those that the
// language "ar" has by default (10:40); it names no country that would have others. Pure.

import { arabicForAccounts } from './account-wording-ar.ts'
import type { Phrases, VisitTexts, VisitTold } from './wording-parts.ts'

function at({ day, time }: { day: string; time: string }): string {
  return `يوم ${day}، الساعة ${time}`
}

/** 'موعدكم', or whose it is. */
function whose({ forWhom }: VisitTold): string {
  return forWhom === null ? 'موعدكم' : `موعد ${forWhom}`
}

function forThem({ forWhom }: VisitTold): string {
  return forWhom === null ? '' : ` باسم ${forWhom}`
}

/** The desk is told with whom the visit is; doctors know. */
function withDoctor({ side, visit }: VisitTold): string {
  return side === 'desk' ? ` مع ${visit.doctor}` : ''
}

function title(text: string, visit: VisitTexts): string {
  return `${text}: ${visit.day}، ${visit.time}`
}

/** ' مع …، في …' for what is different besides the time. */
function elsewhere({ change, visit }: VisitTold): string {
  const parts = [change.doctor && ` مع ${visit.doctor}`, change.clinic && ` في ${visit.clinic}`]
  return parts.filter(Boolean).join('،')
}

function moved(told: VisitTold, subject: string): string {
  const { visit, former, change } = told
  const notYet = visit.isRequest ? ' لم يتم تأكيد الوقت الجديد بعد.' : ''
  if (former === null) return `أصبح ${subject} ${at(visit)}.${notYet}`
  const place = elsewhere(told)
  if (change.time)
    return `نُقل ${subject} من ${at(former)}، إلى ${at(visit)}${place && `، وأصبح${place}`}.${notYet}`
  return place
    ? `أصبح ${subject} ${at(visit)}،${place}.${notYet}`
    : `تم تعديل ${subject} ${at(visit)}.${notYet}`
}

function delayed({ visit, delayMinutes, expectedTime }: VisitTold, subject: string): string {
  return delayMinutes === 0
    ? `لم يعد هناك تأخير في مواعيد ${visit.doctor}. يبدأ ${subject} يوم ${visit.day} في وقته المقرر، الساعة ${visit.time}.`
    : `يوجد تأخير في مواعيد ${visit.doctor} بنحو ${minutes(delayMinutes)}. من المتوقع أن يبدأ ${subject} المقرر ${at(visit)}، نحو الساعة ${expectedTime}.`
}

const plural = new Intl.PluralRules('ar')

function minutes(count: number): string {
  const form = plural.select(count)
  if (form === 'one') return 'دقيقة واحدة'
  if (form === 'two') return 'دقيقتين'
  return `${count} ${form === 'few' ? 'دقائق' : 'دقيقة'}`
}

function minutesLate({ delayMinutes }: VisitTold): string {
  return delayMinutes === 0 ? 'لا تأخير بعد الآن' : `تأخير بنحو ${minutes(delayMinutes)}`
}

function otherTimes(count: number): string {
  const form = plural.select(count)
  if (count === 0) return 'يمكنكم طلب وقت آخر.'
  if (form === 'one') return 'تقترح العيادة وقتًا آخر.'
  if (form === 'two') return 'تقترح العيادة وقتين آخرين.'
  return form === 'few' ? `تقترح العيادة ${count} أوقات أخرى.` : `تقترح العيادة ${count} وقتًا آخر.`
}

const roles = { doctor: 'ضمن الأطباء', front_desk: 'في الاستقبال', admin: 'في الإدارة' }

export const arabic: Phrases = {
  locale: 'ar',
  direction: 'rtl',
  comma: '، ',
  greeting: (name) => (name === null ? 'مرحبًا،' : `مرحبًا ${name}،`),
  clock: (time) => time,
  labels: {
    when: 'الموعد',
    expected: 'يبدأ نحو',
    heldUntil: 'محجوز حتى',
    until: 'سابقًا',
    present: 'موعدكم الحالي',
    with: 'مع',
    where: 'المكان',
    forWhom: 'باسم',
    patient: 'المريض',
    phone: 'الهاتف',
  },
  video: 'عبر الفيديو',
  byPhone: 'عبر الهاتف: سنتصل بكم',
  phoneCall: 'عبر الهاتف',
  buttons: {
    view: 'عرض الموعد',
    cancel: 'إلغاء الموعد',
    move: 'نقل الموعد إلى وقت آخر',
    confirm: 'نعم، سأحضر',
    offer: 'عرض الوقت وقبوله',
    claim: 'ربط الملف',
    invitation: 'قبول الدعوة',
    verify_email: 'تأكيد العنوان',
    change_email: 'استخدام هذا العنوان',
    reset_password: 'اختيار كلمة مرور جديدة',
    access: 'قبول',
    open: 'فتح Visita',
  },
  toPatient: {
    requested: (told) => ({
      subject: title('وصلنا طلبكم', told.visit),
      line: `وصلنا طلبكم لموعد${forThem(told)} مع ${told.visit.doctor} ${at(told.visit)}. لم يتم تأكيده بعد.`,
      more: ['سنبلغكم فور الرد عليه.'],
    }),
    confirmed: (told) => ({
      subject: title('تم التأكيد', told.visit),
      line: `تم تأكيد ${whose(told)} مع ${told.visit.doctor} ${at(told.visit)}.`,
      more: ['إذا تعذّر الحضور، فيرجى نقل الموعد أو إلغاؤه في الوقت المناسب.'],
    }),
    declined: (told) => ({
      subject: title(told.hasLapsed ? 'انتهت مهلة طلبكم' : 'تعذّر قبول الطلب', told.visit),
      line: told.hasLapsed
        ? `لم يتم الرد في الوقت المناسب على طلب موعد${forThem(told)} مع ${told.visit.doctor} ${at(told.visit)}، فانتهت مهلته.`
        : `نعتذر، تعذّر قبول طلب موعد${forThem(told)} مع ${told.visit.doctor} ${at(told.visit)}.`,
      more: [otherTimes(told.proposedCount)],
    }),
    moved: (told) => ({
      subject: title(told.change.time ? 'تم نقل الموعد' : 'تم تعديل الموعد', told.visit),
      line: moved(told, `${whose(told)} مع ${(told.former ?? told.visit).doctor}`),
      more: ['إذا لم يناسبكم ذلك، فيرجى اختيار وقت آخر أو إلغاء الموعد.'],
    }),
    cancelled: (told) => ({
      subject: title('أُلغي الموعد', told.visit),
      line: `أُلغي ${whose(told)} مع ${told.visit.doctor} ${at(told.visit)}.`,
      more: ['إذا كنتم ما زلتم بحاجة إلى موعد، فيمكنكم حجز وقت آخر.'],
    }),
    reminder: (told) => ({
      subject: title('تذكير', told.visit),
      line: `تذكير: ${whose(told)} مع ${told.visit.doctor} ${at(told.visit)}.`,
      more: ['إذا تعذّر الحضور، فيرجى نقل الموعد أو إلغاؤه ليستفيد غيركم من الوقت.'],
    }),
    waitlist_offer: (told) => ({
      subject: title('يوجد وقت متاح', told.visit),
      line: `يوجد وقت متاح${forThem(told)} مع ${told.visit.doctor} ${at(told.visit)}.${told.heldUntil === null ? '' : ` نحجزه لكم حتى الساعة ${told.heldUntil.time} يوم ${told.heldUntil.day}.`}`,
      more: [
        told.former === null
          ? 'إذا كنتم لا ترغبون فيه، فلا حاجة إلى أي إجراء.'
          : 'إذا كنتم لا ترغبون فيه، فلا حاجة إلى أي إجراء، ويبقى موعدكم الحالي كما هو.',
      ],
    }),
    delay: (told) => ({
      subject: title(minutesLate(told), told.visit),
      line: delayed(told, whose(told)),
      more: [],
    }),
    message: (told) => ({
      subject: 'رسالة جديدة بشأن موعد',
      line: `وصلتكم رسالة جديدة بشأن ${whose(told)} مع ${told.visit.doctor} ${at(told.visit)}.`,
      more: ['يرجى تسجيل الدخول لقراءتها.'],
    }),
  },
  toStaff: {
    requested: (told) => ({
      subject: title('طلب جديد', told.visit),
      line: `طلب جديد من ${told.visit.patient} لموعد${withDoctor(told)} ${at(told.visit)}.`,
      more: ['يرجى الرد قبل انتهاء مهلة الطلب.'],
    }),
    confirmed: (told) => ({
      subject: title('موعد جديد', told.visit),
      line: `موعد جديد باسم ${told.visit.patient}${withDoctor(told)} ${at(told.visit)}.`,
      more: [],
    }),
    declined: (told) => ({
      subject: title(told.hasLapsed ? 'انتهت مهلة الطلب' : 'رُفض الطلب', told.visit),
      line: told.hasLapsed
        ? `لم يتم الرد في الوقت المناسب على طلب ${told.visit.patient} لموعد${withDoctor(told)} ${at(told.visit)}، فانتهت مهلته.`
        : `رُفض طلب ${told.visit.patient} لموعد${withDoctor(told)} ${at(told.visit)}.`,
      more: [],
    }),
    moved: (told) => ({
      subject: title(told.change.time ? 'تم نقل الموعد' : 'تم تعديل الموعد', told.visit),
      line: moved(told, `موعد ${told.visit.patient}`),
      more: [],
    }),
    cancelled: (told) => ({
      subject: title('أُلغي الموعد', told.visit),
      line: `أُلغي موعد ${told.visit.patient}${withDoctor(told)} ${at(told.visit)}.`,
      more: [],
    }),
    reminder: (told) => ({
      subject: title('تذكير', told.visit),
      line: `تذكير: موعد ${told.visit.patient}${withDoctor(told)} ${at(told.visit)}.`,
      more: [],
    }),
    waitlist_offer: (told) => ({
      subject: title('عُرض وقت متاح', told.visit),
      line: `عُرض الوقت${withDoctor(told)} ${at(told.visit)}، على ${told.visit.patient}${told.heldUntil === null ? '' : ` حتى الساعة ${told.heldUntil.time} يوم ${told.heldUntil.day}`}.`,
      more: [],
    }),
    delay: (told) => ({
      subject: title(minutesLate(told), told.visit),
      line: delayed(told, `موعد ${told.visit.patient}`),
      more: [],
    }),
    message: (told) => ({
      subject: 'رسالة جديدة بشأن موعد',
      line: `وصلت رسالة جديدة بشأن موعد ${told.visit.patient}${withDoctor(told)} ${at(told.visit)}.`,
      more: ['يرجى تسجيل الدخول لقراءتها.'],
    }),
  },
  account: arabicForAccounts,
  invitation: (role) => ({
    subject: 'دعوة لكم',
    line: `أنتم مدعوون للانضمام إلى Visita${role === null ? '' : ` ${roles[role]}`}.`,
    more: ['تُستخدم الدعوة مرة واحدة. إذا لم تكونوا تتوقعونها، فلا حاجة إلى أي إجراء.'],
  }),
  claimLink: {
    subject: 'مواعيدكم عبر الإنترنت',
    line: 'تدعوكم عيادتكم إلى الاطلاع على مواعيدكم وتغييرها عبر الإنترنت.',
    more: ['يُستخدم الرابط مرة واحدة. يرجى عدم إعطائه لغيركم.'],
  },
  news: {
    subject: 'يوجد جديد بشأن موعد',
    line: 'يوجد جديد بشأن موعد. يرجى تسجيل الدخول للاطلاع عليه.',
    more: [],
  },
  sentBy: (clinic) =>
    clinic === null ? 'أُرسلت هذه الرسالة من Visita.' : `أُرسلت هذه الرسالة من ${clinic}.`,
  choose: (url) =>
    `يمكنكم اختيار ما يصلكم من رسائل وكيفية وصولها في حسابكم: ${url}، أو بسؤال العيادة.`,
  always: 'تصلكم هذه الرسالة أيًا كان اختياركم.',
}
