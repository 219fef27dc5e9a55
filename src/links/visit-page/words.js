// What the page says, in the languages that it speaks. Words in braces stand for what is filled in.

const en = {
  loading: 'One moment…',
  visit: 'Your visit',
  offered: 'An earlier time is free',
  cancelTitle: 'Cancel this visit?',
  moveTitle: 'Move your visit',
  confirmTitle: 'Will you come?',
  cancelledTitle: 'Your visit is cancelled',
  keptTitle: 'Your visit stands',
  movedTitle: 'Your visit is moved',
  askedTitle: 'You have asked for another time',
  comingTitle: 'Thank you, see you then',
  takenTitle: 'The earlier time is yours',
  refusedTitle: 'You have passed on this time',
  invalidTitle: 'This link is not valid any more',
  lateTitle: 'Too late to do this online',
  missingTitle: 'This link is not complete',
  failedTitle: 'The visit could not be loaded',

  when: 'When',
  doctor: 'With',
  where: 'Where',
  telephone: 'Telephone',
  patient: 'For',
  instead: 'Instead of',
  video: 'By video',
  phone: 'By telephone',
  zone: 'Time in {city} ({offset})',
  ownZone: 'Your time: {time}',

  confirmed: 'This visit is confirmed.',
  requested: 'The clinic has not answered this request yet.',
  cancelled: 'This visit is cancelled.',
  declined: 'The clinic could not accept this request.',
  held: 'This time is kept for you.',
  expired: 'This time is not kept for you any more.',
  begun: 'This visit has begun or is over.',
  changeable: 'You can change it until {time}, by the links in the mail.',
  anew: 'For a new visit, call the clinic or book online.',

  cancelLead: 'The time will be given to someone else.',
  cancel: 'Cancel the visit',
  keep: 'Keep the visit',
  keptText: 'Nothing was changed.',
  cancelledText: 'The clinic knows. You need not do anything else.',
  alreadyCancelled: 'This visit was cancelled before. You need not do anything.',

  choose: 'Choose another time',
  times: { one: '{count} time', other: '{count} times' },
  later: 'Show later times',
  noTimes: 'There is no other time open at the moment. Call the clinic: it may find one.',
  moveQuestion: 'Move your visit to this time?',
  move: 'Move to {time}',
  back: 'Choose another time',
  movedText: 'Your former time is free for someone else now.',
  askedText: 'The clinic will answer you. Your former time is free for someone else now.',
  taken: '{time} was just taken by someone else. Choose another time.',
  nearest: 'The nearest times:',
  elsewhere: 'You have another visit at that time: {time}. Choose another time.',

  confirmLead: 'Tell the clinic that you will be there.',
  confirm: 'I will come',
  comingText: 'The clinic knows that you will come.',
  cannotCome: 'If you cannot come, use the links to move or cancel in the same mail.',
  otherTime: 'This visit was moved since you got the mail. Answer the newest mail about it.',

  offerLead: 'This time is kept for you until {time}. If you take it, your visit is moved there.',
  offerFirstLead: 'This time is kept for you until {time}.',
  take: 'Take this time',
  refuse: 'Pass on it',
  takenText: 'The clinic knows. Your former time, if you had one, is free for someone else.',
  takenRequested: 'The clinic will answer you.',
  refusedText: 'It is offered to someone else. You stay on the waitlist.',
  offerGone: 'This time is taken by now. You stay on the waitlist.',

  lateText: 'It could be changed here until {time}. Call {clinic}: they can still help.',
  lateCall: 'Call {clinic}: they can still help.',
  offerLate: 'The time was kept for a while and went to someone else. You stay on the waitlist.',
  notPossible:
    'This cannot be done with the visit as it is now. Call {clinic} if you have questions.',
  changed: 'The visit has changed since you opened this page. Look at it again.',
  invalidText:
    'It has run out, or was copied only in part. Open the link of the newest mail about the visit, or call the clinic: its number is in the mail.',
  missingText:
    'Open the whole link again as you got it in the mail: a page that is reloaded does not know it any more. Nothing has been changed.',
  offline: 'You are offline. The visit is shown as soon as you are back.',
  offlineAct: 'You are offline. Nothing has been changed. Try again when you are back.',
  unreachable: 'The server cannot be reached. Check your connection and try again.',
  busy: 'The server is busy. Wait a moment and try again.',
  retry: 'Try again',
}

const de = {
  loading: 'Einen Moment …',
  visit: 'Ihr Termin',
  offered: 'Ein früherer Termin ist frei',
  cancelTitle: 'Diesen Termin absagen?',
  moveTitle: 'Termin verschieben',
  confirmTitle: 'Kommen Sie?',
  cancelledTitle: 'Ihr Termin ist abgesagt',
  keptTitle: 'Ihr Termin bleibt bestehen',
  movedTitle: 'Ihr Termin ist verschoben',
  askedTitle: 'Sie haben um eine andere Zeit gebeten',
  comingTitle: 'Danke, bis dann',
  takenTitle: 'Der frühere Termin gehört Ihnen',
  refusedTitle: 'Sie haben auf diese Zeit verzichtet',
  invalidTitle: 'Dieser Link gilt nicht mehr',
  lateTitle: 'Online ist es dafür zu spät',
  missingTitle: 'Dieser Link ist nicht vollständig',
  failedTitle: 'Der Termin konnte nicht geladen werden',

  when: 'Wann',
  doctor: 'Bei',
  where: 'Wo',
  telephone: 'Telefon',
  patient: 'Für',
  instead: 'Anstelle von',
  video: 'Per Video',
  phone: 'Per Telefon',
  zone: 'Zeit in {city} ({offset})',
  ownZone: 'Ihre Zeit: {time}',

  confirmed: 'Dieser Termin ist bestätigt.',
  requested: 'Die Praxis hat auf diese Anfrage noch nicht geantwortet.',
  cancelled: 'Dieser Termin ist abgesagt.',
  declined: 'Die Praxis konnte diese Anfrage nicht annehmen.',
  held: 'Diese Zeit ist für Sie reserviert.',
  expired: 'Diese Zeit ist nicht mehr für Sie reserviert.',
  begun: 'Dieser Termin hat begonnen oder ist vorbei.',
  changeable: 'Sie können ihn bis {time} ändern, über die Links in der E-Mail.',
  anew: 'Für einen neuen Termin rufen Sie die Praxis an oder buchen Sie online.',

  cancelLead: 'Die Zeit wird an jemand anderen vergeben.',
  cancel: 'Termin absagen',
  keep: 'Termin behalten',
  keptText: 'Es wurde nichts geändert.',
  cancelledText: 'Die Praxis weiß Bescheid. Sie müssen nichts weiter tun.',
  alreadyCancelled: 'Dieser Termin war schon abgesagt. Sie müssen nichts tun.',

  choose: 'Andere Zeit wählen',
  times: { one: '{count} Zeit', other: '{count} Zeiten' },
  later: 'Spätere Zeiten zeigen',
  noTimes:
    'Im Moment ist keine andere Zeit frei. Rufen Sie die Praxis an: Vielleicht findet sie eine.',
  moveQuestion: 'Termin auf diese Zeit verschieben?',
  move: 'Auf {time} verschieben',
  back: 'Andere Zeit wählen',
  movedText: 'Ihre bisherige Zeit ist jetzt für andere frei.',
  askedText: 'Die Praxis wird Ihnen antworten. Ihre bisherige Zeit ist jetzt für andere frei.',
  taken: '{time} wurde gerade vergeben. Wählen Sie eine andere Zeit.',
  nearest: 'Die nächstgelegenen Zeiten:',
  elsewhere: 'Zu dieser Zeit haben Sie einen anderen Termin: {time}. Wählen Sie eine andere Zeit.',

  confirmLead: 'Sagen Sie der Praxis, dass Sie da sein werden.',
  confirm: 'Ich komme',
  comingText: 'Die Praxis weiß, dass Sie kommen.',
  cannotCome:
    'Können Sie nicht kommen, nutzen Sie in derselben E-Mail den Link zum Verschieben oder Absagen.',
  otherTime:
    'Dieser Termin wurde verschoben, seit Sie die E-Mail bekommen haben. Antworten Sie auf die neueste E-Mail dazu.',

  offerLead:
    'Diese Zeit ist bis {time} für Sie reserviert. Nehmen Sie sie, wird Ihr Termin dorthin verschoben.',
  offerFirstLead: 'Diese Zeit ist bis {time} für Sie reserviert.',
  take: 'Diese Zeit nehmen',
  refuse: 'Darauf verzichten',
  takenText:
    'Die Praxis weiß Bescheid. Ihre bisherige Zeit, falls Sie eine hatten, ist für andere frei.',
  takenRequested: 'Die Praxis wird Ihnen antworten.',
  refusedText: 'Sie wird jemand anderem angeboten. Sie bleiben auf der Warteliste.',
  offerGone: 'Diese Zeit ist inzwischen vergeben. Sie bleiben auf der Warteliste.',

  lateText: 'Hier ging es bis {time}. Rufen Sie an: {clinic} kann Ihnen noch helfen.',
  lateCall: 'Rufen Sie an: {clinic} kann Ihnen noch helfen.',
  offerLate:
    'Die Zeit war eine Weile reserviert und ging dann an jemand anderen. Sie bleiben auf der Warteliste.',
  notPossible: 'So, wie der Termin jetzt ist, geht das nicht. Rufen Sie bei Fragen an: {clinic}.',
  changed:
    'Der Termin hat sich geändert, seit Sie diese Seite geöffnet haben. Sehen Sie ihn noch einmal an.',
  invalidText:
    'Er ist abgelaufen oder wurde nur zum Teil kopiert. Öffnen Sie den Link der neuesten E-Mail zu dem Termin, oder rufen Sie die Praxis an: Die Nummer steht in der E-Mail.',
  missingText:
    'Öffnen Sie noch einmal den ganzen Link aus der E-Mail: Eine neu geladene Seite kennt ihn nicht mehr. Es wurde nichts geändert.',
  offline: 'Sie sind offline. Der Termin erscheint, sobald Sie wieder online sind.',
  offlineAct:
    'Sie sind offline. Es wurde nichts geändert. Versuchen Sie es noch einmal, sobald Sie wieder online sind.',
  unreachable:
    'Der Server ist nicht erreichbar. Prüfen Sie die Verbindung und versuchen Sie es noch einmal.',
  busy: 'Der Server ist ausgelastet. Versuchen Sie es gleich noch einmal.',
  retry: 'Noch einmal versuchen',
}

const ar = {
  loading: 'لحظة من فضلك…',
  visit: 'موعدك',
  offered: 'يتوفر موعد أقرب',
  cancelTitle: 'هل تريد إلغاء هذا الموعد؟',
  moveTitle: 'تغيير وقت الموعد',
  confirmTitle: 'هل ستحضر؟',
  cancelledTitle: 'أُلغي موعدك',
  keptTitle: 'موعدك ما زال قائمًا',
  movedTitle: 'تغيّر وقت موعدك',
  askedTitle: 'طلبت وقتًا آخر',
  comingTitle: 'شكرًا، إلى اللقاء',
  takenTitle: 'الموعد الأقرب صار لك',
  refusedTitle: 'تنازلت عن هذا الوقت',
  invalidTitle: 'هذا الرابط لم يعد صالحًا',
  lateTitle: 'فات أوان ذلك عبر الإنترنت',
  missingTitle: 'هذا الرابط غير كامل',
  failedTitle: 'تعذّر تحميل الموعد',

  when: 'الوقت',
  doctor: 'عند',
  where: 'المكان',
  telephone: 'الهاتف',
  patient: 'المريض',
  instead: 'بدلًا من',
  video: 'عبر الفيديو',
  phone: 'عبر الهاتف',
  zone: 'بتوقيت {city} ({offset})',
  ownZone: 'بتوقيتك: {time}',

  confirmed: 'هذا الموعد مؤكَّد.',
  requested: 'لم تردّ العيادة على هذا الطلب بعد.',
  cancelled: 'هذا الموعد ملغى.',
  declined: 'لم تستطع العيادة قبول هذا الطلب.',
  held: 'هذا الوقت محجوز لك.',
  expired: 'لم يعد هذا الوقت محجوزًا لك.',
  begun: 'بدأ هذا الموعد أو انتهى.',
  changeable: 'يمكنك تغييره حتى {time} عبر الروابط في رسالة البريد الإلكتروني.',
  anew: 'لموعد جديد، اتصل بالعيادة أو احجز عبر الإنترنت.',

  cancelLead: 'سيُعطى هذا الوقت لشخص آخر.',
  cancel: 'إلغاء الموعد',
  keep: 'الإبقاء على الموعد',
  keptText: 'لم يتغيّر شيء.',
  cancelledText: 'العيادة على علم بذلك. لا يلزمك فعل شيء آخر.',
  alreadyCancelled: 'أُلغي هذا الموعد من قبل. لا يلزمك فعل شيء.',

  choose: 'اختر وقتًا آخر',
  times: {
    zero: 'لا أوقات',
    one: 'وقت واحد',
    two: 'وقتان',
    few: '{count} أوقات',
    many: '{count} وقتًا',
    other: '{count} وقت',
  },
  later: 'عرض أوقات لاحقة',
  noTimes: 'لا يوجد وقت آخر متاح الآن. اتصل بالعيادة، فقد تجد لك وقتًا.',
  moveQuestion: 'هل تريد نقل موعدك إلى هذا الوقت؟',
  move: 'نقل إلى {time}',
  back: 'اختيار وقت آخر',
  movedText: 'صار وقتك السابق متاحًا لغيرك.',
  askedText: 'ستردّ عليك العيادة. صار وقتك السابق متاحًا لغيرك.',
  taken: 'حجز شخص آخر {time} للتو. اختر وقتًا آخر.',
  nearest: 'أقرب الأوقات:',
  elsewhere: 'لديك موعد آخر في هذا الوقت: {time}. اختر وقتًا آخر.',

  confirmLead: 'أخبر العيادة بأنك ستحضر.',
  confirm: 'سأحضر',
  comingText: 'العيادة تعلم أنك ستحضر.',
  cannotCome: 'إن لم تستطع الحضور، فاستخدم رابط التغيير أو الإلغاء في الرسالة نفسها.',
  otherTime: 'تغيّر وقت هذا الموعد منذ وصلتك الرسالة. أجب عبر أحدث رسالة عنه.',

  offerLead: 'هذا الوقت محجوز لك حتى {time}. إن أخذته يُنقل موعدك إليه.',
  offerFirstLead: 'هذا الوقت محجوز لك حتى {time}.',
  take: 'أخذ هذا الوقت',
  refuse: 'التنازل عنه',
  takenText: 'العيادة على علم بذلك. صار وقتك السابق، إن كان لك وقت، متاحًا لغيرك.',
  takenRequested: 'ستردّ عليك العيادة.',
  refusedText: 'سيُعرض على شخص آخر. تبقى في قائمة الانتظار.',
  offerGone: 'لم يعد هذا الوقت متاحًا. تبقى في قائمة الانتظار.',

  lateText: 'كان التغيير هنا ممكنًا حتى {time}. اتصل بـ {clinic}، فما زال بإمكانهم مساعدتك.',
  lateCall: 'اتصل بـ {clinic}، فما زال بإمكانهم مساعدتك.',
  offerLate: 'كان الوقت محجوزًا لك لفترة ثم ذهب إلى غيرك. تبقى في قائمة الانتظار.',
  notPossible: 'لا يمكن ذلك والموعد على حاله الآن. إن كانت لديك أسئلة فاتصل بـ {clinic}.',
  changed: 'تغيّر الموعد منذ فتحت هذه الصفحة. راجعه مرة أخرى.',
  invalidText:
    'انتهت صلاحيته أو نُسخ جزء منه فقط. افتح رابط أحدث رسالة عن الموعد، أو اتصل بالعيادة: رقمها في الرسالة.',
  missingText:
    'افتح الرابط كاملًا مرة أخرى كما وصلك في الرسالة: الصفحة التي يُعاد تحميلها لا تعرفه بعد ذلك. لم يتغيّر شيء.',
  offline: 'أنت غير متصل بالإنترنت. سيظهر الموعد عند عودة الاتصال.',
  offlineAct: 'أنت غير متصل بالإنترنت. لم يتغيّر شيء. حاول مرة أخرى عند عودة الاتصال.',
  unreachable: 'لا يمكن الوصول إلى الخادم. تحقق من اتصالك وحاول مرة أخرى.',
  busy: 'الخادم مشغول. انتظر لحظة وحاول مرة أخرى.',
  retry: 'المحاولة مرة أخرى',
}

const catalogues = { en, de, ar }

/** The first language of the reader that the page speaks, as the reader writes it; English for none. */
export const locale =
  (navigator.languages ?? [navigator.language]).find((one) => languageOf(one) in catalogues) ?? 'en'

function languageOf(tag) {
  return tag.toLowerCase().split('-')[0]
}

const language = languageOf(locale)
const words = catalogues[language]
const plural = new Intl.PluralRules(locale)

document.documentElement.lang = language
document.documentElement.dir = language === 'ar' ? 'rtl' : 'ltr'

/** The sentence of that name, with what stands in braces filled in. */
export function say(name, values = {}) {
  return filled(words[name], values)
}

/** As `say`, in the form that goes with the number. */
export function sayCount(name, count) {
  const forms = words[name]
  const shown = new Intl.NumberFormat(locale).format(count)
  return filled(forms[plural.select(count)] ?? forms.other, { count: shown })
}

function filled(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '')
}
