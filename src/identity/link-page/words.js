// What the pages say, in the languages that they speak. Words in braces stand for what is filled in.

const en = {
  resetTitle: 'Choose a new password',
  resetLead: 'All devices are signed out when you save it.',
  resetAction: 'Save the password',
  resetDone: 'Your password is saved',
  resetText: 'Sign in with your e-mail address and the new password.',

  verifyTitle: 'Confirm your e-mail address',
  verifyLead: 'Confirm that the mail with this link came to your own address.',
  verifyAction: 'Confirm the address',
  verifyDone: 'Your e-mail address is confirmed',
  verifyText: 'Thank you. You can close this page.',

  changeTitle: 'Use this e-mail address',
  changeLead:
    'From now on you sign in with the address that the mail with this link came to. All devices are signed out.',
  changeAction: 'Use this address',
  changeDone: 'Your e-mail address is changed',
  changeText: 'Sign in with the new address and your password.',

  accessTitle: 'Help with appointments',
  accessLead: 'Someone would like to give you access to the appointments of a patient.',
  accessAction: 'Sign in and accept',
  accessNewAction: 'Create account and accept',
  accessDone: 'You have access now',
  accessText: 'In your account you find the appointments of {name}.',

  accountQuestion: 'Do you have a Visita account?',
  accountKnown: 'Yes, I have one',
  accountNew: 'No, create one',
  name: 'Your name',
  email: 'E-mail address',
  emailHint: 'The one that the mail with this link came to.',
  password: 'Password',
  newPassword: 'New password',
  passwordHint: 'At least 8 characters. A few words in a row are easy to keep in mind.',
  show: 'Show the password',
  code: 'Code of your second step',
  codeHint: 'Six digits from your app, or one of your recovery codes.',

  busyAction: 'One moment…',
  errorTitle: 'Error: {title}',
  nameMissing: 'Write your name.',
  emailMissing: 'Write an e-mail address, such as anna.berg@example.org.',
  passwordMissing: 'Write your password.',
  newPasswordMissing: 'Choose a password of at least 8 characters.',
  passwordPoor:
    'This password is too easy to guess, too short or too long. Choose a rarer one of 8 to 128 characters.',
  codeMissing: 'Write the code.',

  missingTitle: 'This link is not complete',
  missingText:
    'Open the whole link again as you got it in the mail: a page that is loaded anew does not know it any more. Nothing has been changed.',
  invalidTitle: 'This link is not valid any more',
  invalidText: 'It was used before, it is too old, or a newer one was sent.',
  resetInvalid: 'Say once more that you have forgotten your password, and use the newest mail.',
  verifyInvalid:
    'If you have confirmed your address already, you need do nothing. Otherwise have a new link sent from your account.',
  changeInvalid: 'Change your e-mail address once more in your account, and use the newest mail.',
  accessInvalid:
    'Or your account has another e-mail address than the one that the mail came to. Ask the person who sent it for a new one.',
  taken: 'Another account has this e-mail address by now. Your address stays as it was.',
  wrongPassword: 'The e-mail address, the password or the code is wrong. Check them.',
  codeNeeded: 'Your account has a second step. Write the code as well.',
  emailTaken:
    'There is already an account with this e-mail address. Choose “Yes, I have one” and sign in with it.',
  hasAccess: 'Your account has this access, or more, already.',
  noMore: 'This access cannot be given to your account. Ask the person who sent the mail.',
  tooMany: 'Too many tries. Wait a while and try again.',
  unreachable: 'The server cannot be reached. Check your connection and try again.',
  busy: 'The server is busy. Wait a moment and try again.',
}

const de = {
  resetTitle: 'Neues Passwort wählen',
  resetLead: 'Beim Speichern werden Sie auf allen Geräten abgemeldet.',
  resetAction: 'Passwort speichern',
  resetDone: 'Ihr Passwort ist gespeichert',
  resetText: 'Melden Sie sich mit Ihrer E-Mail-Adresse und dem neuen Passwort an.',

  verifyTitle: 'E-Mail-Adresse bestätigen',
  verifyLead: 'Bestätigen Sie, dass die Mail mit diesem Link an Ihre eigene Adresse kam.',
  verifyAction: 'Adresse bestätigen',
  verifyDone: 'Ihre E-Mail-Adresse ist bestätigt',
  verifyText: 'Vielen Dank. Sie können diese Seite schließen.',

  changeTitle: 'Diese E-Mail-Adresse verwenden',
  changeLead:
    'Von jetzt an melden Sie sich mit der Adresse an, an die die Mail mit diesem Link kam. Sie werden auf allen Geräten abgemeldet.',
  changeAction: 'Diese Adresse verwenden',
  changeDone: 'Ihre E-Mail-Adresse ist geändert',
  changeText: 'Melden Sie sich mit der neuen Adresse und Ihrem Passwort an.',

  accessTitle: 'Bei Terminen helfen',
  accessLead:
    'Jemand möchte Ihnen Zugang zu den Terminen einer Patientin oder eines Patienten geben.',
  accessAction: 'Anmelden und annehmen',
  accessNewAction: 'Konto anlegen und annehmen',
  accessDone: 'Sie haben nun Zugang',
  accessText: 'In Ihrem Konto finden Sie die Termine von {name}.',

  accountQuestion: 'Haben Sie ein Konto bei Visita?',
  accountKnown: 'Ja, ich habe eines',
  accountNew: 'Nein, eines anlegen',
  name: 'Ihr Name',
  email: 'E-Mail-Adresse',
  emailHint: 'Die, an die die Mail mit diesem Link kam.',
  password: 'Passwort',
  newPassword: 'Neues Passwort',
  passwordHint: 'Mindestens 8 Zeichen. Ein paar Wörter hintereinander merkt man sich leicht.',
  show: 'Passwort anzeigen',
  code: 'Code Ihres zweiten Schritts',
  codeHint: 'Sechs Ziffern aus Ihrer App oder einer Ihrer Wiederherstellungscodes.',

  busyAction: 'Einen Moment…',
  errorTitle: 'Fehler: {title}',
  nameMissing: 'Schreiben Sie Ihren Namen.',
  emailMissing: 'Schreiben Sie eine E-Mail-Adresse, zum Beispiel anna.berg@example.org.',
  passwordMissing: 'Schreiben Sie Ihr Passwort.',
  newPasswordMissing: 'Wählen Sie ein Passwort mit mindestens 8 Zeichen.',
  passwordPoor:
    'Dieses Passwort ist zu leicht zu erraten, zu kurz oder zu lang. Wählen Sie ein selteneres mit 8 bis 128 Zeichen.',
  codeMissing: 'Schreiben Sie den Code.',

  missingTitle: 'Dieser Link ist nicht vollständig',
  missingText:
    'Öffnen Sie den ganzen Link noch einmal, wie er in der Mail steht: Eine Seite, die neu geladen wird, kennt ihn nicht mehr. Es wurde nichts geändert.',
  invalidTitle: 'Dieser Link gilt nicht mehr',
  invalidText: 'Er wurde schon benutzt, er ist zu alt, oder es wurde ein neuerer geschickt.',
  resetInvalid:
    'Geben Sie noch einmal an, dass Sie Ihr Passwort vergessen haben, und nehmen Sie die neueste Mail.',
  verifyInvalid:
    'Wenn Sie Ihre Adresse schon bestätigt haben, brauchen Sie nichts zu tun. Sonst lassen Sie sich in Ihrem Konto einen neuen Link schicken.',
  changeInvalid:
    'Ändern Sie Ihre E-Mail-Adresse noch einmal in Ihrem Konto, und nehmen Sie die neueste Mail.',
  accessInvalid:
    'Oder Ihr Konto hat eine andere E-Mail-Adresse als die, an die die Mail kam. Bitten Sie die Person, die sie geschickt hat, um eine neue.',
  taken:
    'Diese E-Mail-Adresse gehört inzwischen zu einem anderen Konto. Ihre Adresse bleibt, wie sie war.',
  wrongPassword: 'Die E-Mail-Adresse, das Passwort oder der Code ist falsch. Prüfen Sie sie.',
  codeNeeded: 'Ihr Konto hat einen zweiten Schritt. Schreiben Sie auch den Code.',
  emailTaken:
    'Zu dieser E-Mail-Adresse gibt es schon ein Konto. Wählen Sie „Ja, ich habe eines“ und melden Sie sich damit an.',
  hasAccess: 'Ihr Konto hat diesen Zugang oder mehr schon.',
  noMore:
    'Ihrem Konto kann dieser Zugang nicht gegeben werden. Fragen Sie die Person, die die Mail geschickt hat.',
  tooMany: 'Zu viele Versuche. Warten Sie eine Weile und versuchen Sie es noch einmal.',
  unreachable:
    'Der Server ist nicht zu erreichen. Prüfen Sie Ihre Verbindung und versuchen Sie es noch einmal.',
  busy: 'Der Server ist ausgelastet. Warten Sie einen Moment und versuchen Sie es noch einmal.',
}

const ar = {
  resetTitle: 'اختيار كلمة مرور جديدة',
  resetLead: 'عند حفظها يتم تسجيل الخروج من جميع الأجهزة.',
  resetAction: 'حفظ كلمة المرور',
  resetDone: 'تم حفظ كلمة المرور',
  resetText: 'سجّل الدخول بعنوان بريدك الإلكتروني وكلمة المرور الجديدة.',

  verifyTitle: 'تأكيد عنوان بريدك الإلكتروني',
  verifyLead: 'أكّد أن الرسالة التي فيها هذا الرابط وصلت إلى عنوانك أنت.',
  verifyAction: 'تأكيد العنوان',
  verifyDone: 'تم تأكيد عنوان بريدك الإلكتروني',
  verifyText: 'شكرًا لك. يمكنك إغلاق هذه الصفحة.',

  changeTitle: 'استخدام عنوان البريد الإلكتروني هذا',
  changeLead:
    'من الآن فصاعدًا تسجّل الدخول بالعنوان الذي وصلت إليه الرسالة. ويتم تسجيل الخروج من جميع الأجهزة.',
  changeAction: 'استخدام هذا العنوان',
  changeDone: 'تم تغيير عنوان بريدك الإلكتروني',
  changeText: 'سجّل الدخول بالعنوان الجديد وكلمة المرور.',

  accessTitle: 'المساعدة في المواعيد',
  accessLead: 'يرغب شخص ما في منحك إمكانية الوصول إلى مواعيد مريض.',
  accessAction: 'تسجيل الدخول والقبول',
  accessNewAction: 'إنشاء حساب والقبول',
  accessDone: 'أصبح بإمكانك الوصول',
  accessText: 'تجد في حسابك مواعيد {name}.',

  accountQuestion: 'هل لديك حساب في Visita؟',
  accountKnown: 'نعم، لديّ حساب',
  accountNew: 'لا، إنشاء حساب',
  name: 'اسمك',
  email: 'عنوان البريد الإلكتروني',
  emailHint: 'العنوان الذي وصلت إليه الرسالة التي فيها هذا الرابط.',
  password: 'كلمة المرور',
  newPassword: 'كلمة المرور الجديدة',
  passwordHint: '8 أحرف على الأقل. من السهل تذكّر بضع كلمات متتالية.',
  show: 'إظهار كلمة المرور',
  code: 'رمز الخطوة الثانية',
  codeHint: 'ستة أرقام من تطبيقك، أو أحد رموز الاسترداد.',

  busyAction: 'لحظة من فضلك…',
  errorTitle: 'خطأ: {title}',
  nameMissing: 'اكتب اسمك.',
  emailMissing: 'اكتب عنوان بريد إلكتروني، مثل anna.berg@example.org.',
  passwordMissing: 'اكتب كلمة المرور.',
  newPasswordMissing: 'اختر كلمة مرور من 8 أحرف على الأقل.',
  passwordPoor:
    'كلمة المرور هذه سهلة التخمين أو قصيرة جدًا أو طويلة جدًا. اختر كلمة أندر من 8 إلى 128 حرفًا.',
  codeMissing: 'اكتب الرمز.',

  missingTitle: 'هذا الرابط غير مكتمل',
  missingText:
    'افتح الرابط كاملًا مرة أخرى كما وصلك في الرسالة: الصفحة التي يُعاد تحميلها لا تعرفه بعد ذلك. لم يتغيّر شيء.',
  invalidTitle: 'لم يعد هذا الرابط صالحًا',
  invalidText: 'استُخدم من قبل، أو انتهت مدته، أو أُرسل رابط أحدث.',
  resetInvalid: 'اطلب مرة أخرى كلمة مرور جديدة، واستخدم أحدث رسالة.',
  verifyInvalid:
    'إذا كنت قد أكّدت عنوانك من قبل، فلا حاجة إلى أي إجراء. وإلا فاطلب رابطًا جديدًا من حسابك.',
  changeInvalid: 'غيّر عنوان بريدك الإلكتروني مرة أخرى في حسابك، واستخدم أحدث رسالة.',
  accessInvalid: 'أو أن لحسابك عنوانًا آخر غير الذي وصلت إليه الرسالة. اطلب رابطًا جديدًا ممن أرسلها.',
  taken: 'أصبح عنوان البريد الإلكتروني هذا لحساب آخر. يبقى عنوانك كما كان.',
  wrongPassword: 'عنوان البريد الإلكتروني أو كلمة المرور أو الرمز غير صحيح. تحقق منها.',
  codeNeeded: 'لحسابك خطوة ثانية. اكتب الرمز أيضًا.',
  emailTaken: 'يوجد حساب بعنوان البريد الإلكتروني هذا. اختر «نعم، لديّ حساب» وسجّل الدخول به.',
  hasAccess: 'لدى حسابك إمكانية الوصول هذه أو أكثر منها.',
  noMore: 'لا يمكن منح حسابك إمكانية الوصول هذه. اسأل من أرسل الرسالة.',
  tooMany: 'محاولات كثيرة جدًا. انتظر قليلًا وحاول مرة أخرى.',
  unreachable: 'لا يمكن الوصول إلى الخادم. تحقق من اتصالك وحاول مرة أخرى.',
  busy: 'الخادم مشغول. انتظر لحظة وحاول مرة أخرى.',
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

document.documentElement.lang = language
document.documentElement.dir = language === 'ar' ? 'rtl' : 'ltr'

/** The sentence of that name, with what stands in braces filled in. */
export function say(name, values = {}) {
  return words[name].replace(/\{(\w+)\}/g, (_, place) => values[place] ?? '')
}
