// Passwords that are guessed first, in lower case: the published lists of leaked ones, by a dependency that
// keeps them, and what those leave out.

import { passwordLengthMin } from './password-lengths.ts'

/** Words with a number or a sign that many rules about passwords ask for, and those of the trade. */
const further = `
11223344556677 0987654321 password12345 password1! password123! password@123 p@ssword p@ssw0rd1
p@55w0rd passwort123 pass12345 pass@123 qwertz123 qwertzuiop qwertzui asdf123456 zxcvbnm123456
abc123123 aa12345678 aaa111222 x1234567 iloveu123 loveyou123 lovelove1 loveme123 lovely123
forever123 princess12 princess123 minecraft1 welcome1234 welcome2024 welcome2025 welcome2026
letmein12 letmein! changeme123 facebook1 youtube1 admin1234 admin12345 admin123456 admin@123
administrateur root1234 toor1234 guest123 guest1234 user1234 test12345 test123456 tester123
demo1234 login123 secretpassword supersecret babygirl12 angels123 liverpool123 chelsea123
barcelona1 eagles123 harley123 eminem123 summer123 summer2024 summer2025 summer2026 winter123
winter2024 winter2025 winter2026 spring2025 spring2026 autumn2025 autumn2026 blink123 christ123
lovesex1 doctor123 doctor12 nurse123 clinic123 health123 patient1 patient123 appointment
student123 teacher123 manager123 office123 company1 support123 qwerty!@ !@#$%^&* !@#$%^&*(
!@#$%^&*() 1234!@#$ abc@1234 abcd@1234 admin@1234 welcome@123 india@123 pakistan123 brasil123
espana123 france123 canada123
`

let loading: Promise<ReadonlySet<string>> | undefined

/**
 * They are loaded when the first password is chosen, since most processes never need their 17 MB. More than
 * 17,000 of the leaked ones are as long as a password must be.
 */
export function commonPasswords(): Promise<ReadonlySet<string>> {
  loading ??= load()
  return loading
}

async function load(): Promise<ReadonlySet<string>> {
  const { dictionary } = await import('@zxcvbn-ts/language-common')
  const known = [...dictionary['passwords-common'], ...further.split(/\s+/)]
  return new Set(
    known.map((word) => word.toLowerCase()).filter((word) => word.length >= passwordLengthMin),
  )
}
