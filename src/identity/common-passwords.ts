// Passwords of eight or more characters that lead the published lists of leaked ones, in lower case.
// A guesser who is slowed down by the sign-in limits gets no further than these.

const words = `
12345678 123456789 1234567890 12345678910 123456789a 1234567891 11223344 12341234 123123123
1234512345 123454321 123321123 12344321 11112222 11223344556677 123456123 123456654321 1234567a
123456781 12345679 12345670 123456abc 123456aa 123456qwerty 1234qwer 1234abcd 1234asdf 123qweasd
123qweasdzxc 123qwe123 123abc123 123asd123 1q2w3e4r 1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx 1qaz2wsx3edc
1qazxsw2 1qaz1qaz 11111111 111111111 1111111111 00000000 000000000 0000000000 22222222 33333333
44444444 55555555 66666666 77777777 88888888 888888888 99999999 999999999 0123456789 01234567
012345678 0987654321 987654321 9876543210 87654321 98765432 147258369 147852369 159357456 159753456
1029384756 741852963 789456123 789456123a 963852741 321321321 456456456 13579246 1357924680
20202020 10101010 12121212 13131313 14141414 20002000 19841984 19871987 11235813 31415926
password password1 password12 password123 password1234 password12345 password2 password01 password!
password1! password123! password@123 passw0rd p@ssw0rd p@ssword p@ssw0rd1 p@55w0rd pa55word
passwort passwort1 passwort123 motdepasse contrasena parola12 password0 password11 password99
pass1234 pass12345 pass@123 passpass mypassword newpassword drowssap
qwertyui qwertyuiop qwerty123 qwerty1234 qwerty12 qwerty12345 qwerty123456 qwertyqwerty qwert123
qwert12345 qwerty01 qwerty00 qwer1234 qweasdzxc qweqweqwe qwe123qwe qwe123456 qazwsxedc qazwsx123
qazwsxedcrfv q1w2e3r4 q1w2e3r4t5 q1w2e3r4t5y6 qwertz123 qwertzuiop qwertzui azertyuiop azerty123
asdfghjk asdfghjkl asdfasdf asdf1234 asdasdasd asd123asd asdqwe123 asdf123456 asdfghjkl123 zaq12wsx
zaq1zaq1 zxcvbnm1 zxcvbnm123 zxcvbnm123456 zxczxczxc zxcv1234 zxc123zxc 1qaz@wsx !qaz2wsx
abcd1234 abcdefgh abcdefghi abcdefg1 abcdef123 abcd12345 abc12345 abc123456 abc123abc abc123123
abcdabcd abcdefghij aa123456 aa12345678 a1234567 a12345678 a123456789 a1b2c3d4 a1b2c3d4e5 aaaaaaaa
aaaaaaaaaa aaa111222 as123456 q1234567 q123456789 qq123456 w1234567 z1234567 zz123456 x1234567
iloveyou iloveyou1 iloveyou2 iloveyou12 iloveyou123 iloveyou! iloveu123 ilovegod ilovemyself
loveyou1 loveyou123 lovelove lovelove1 loveme123 lovely123 forever1 forever21 forever123 iloveme1
sunshine sunshine1 princess princess1 princess12 princess123 football football1 baseball baseball1
basketball basketball1 softball volleyball superman superman1 batman123 spiderman spiderman1
starwars starwars1 pokemon1 pokemon123 naruto123 minecraft minecraft1 nintendo nintendo1 playstation
michael1 michelle michelle1 jennifer jennifer1 jessica1 jordan23 jonathan anthony1 nicholas
alexander alexandra elizabeth benjamin samantha stephanie charlotte christian christopher cristina
veronica victoria victoria1 isabella gabriela gabriel1 valentina fernando francisco sebastian
danielle danielle1 patricia brittany caroline katherine margarita carolina mercedes
trustno1 whatever whatever1 welcome1 welcome12 welcome123 welcome1234 welcome2024 welcome2025
welcome2026 letmein1 letmein12 letmein123 letmein! changeme changeme1 changeme123 changeit
computer computer1 internet internet1 samsung1 samsung123 google123 facebook facebook1 youtube1
administrator admin123 admin1234 admin12345 admin123456 admin@123 adminadmin administrateur
root1234 rootroot toor1234 guest123 guest1234 user1234 test1234 test12345 test123456 testtest
testing1 testing123 tester123 default1 temp1234 temppass demo1234 login123 master12 master123
secret123 secret12 secretpassword access14 supersecret mysecret
dragon12 dragon123 monkey12 monkey123 shadow12 shadow123 killer123 hunter12 hunter123 pepper123
ginger123 charlie1 charlie123 chocolate chocolate1 butterfly butterfly1 snowball cheesecake
strawberry blueberry watermelon pineapple sweetheart babygirl babygirl1 babygirl12 angel123
angels123 beautiful beautiful1 freedom1 liverpool liverpool1 liverpool123 chelsea1 chelsea123
arsenal1 arsenal123 barcelona barcelona1 juventus realmadrid manchester manunited steelers cowboys1
lakers24 yankees1 redskins eagles123 raiders1 panthers mustang1 corvette porsche1 ferrari1
mercedes1 harley123 metallica metallica1 slipknot slipknot1 nirvana1 greenday eminem123 jackson5
marlboro midnight midnight1 summer123 summer2024 summer2025 summer2026 winter123 winter2024
winter2025 winter2026 spring2025 spring2026 autumn2025 autumn2026 january1 february november
december december1 september october1 saturday wednesday thursday
einstein dolphins dolphin1 elephant tinkerbell rainbow1 diamond1 crystal1 precious precious1
scorpion scorpio1 warcraft wolfpack blink182 blink123 blessed1 jesus123 jesuschrist godisgood
christ123 hallo123 hello123 hello1234 hellohello hellokitty helloworld goodluck goodbye1 thankyou
asshole1 fuckyou1 fuckyou123 fuckyou! bullshit badboy123 sexygirl lovesex1 pussycat
security security1 hospital doctor123 doctor12 medical1 medicine nurse123 clinic123 health123
patient1 patient123 appointment visita123 student1 student123 teacher1 teacher123 manager1
manager123 office123 company1 business service1 support1 support123
qwerty!@ !@#$%^&* !@#$%^&*( !@#$%^&*() 1234!@#$ abc@1234 abcd@1234 admin@1234 welcome@123
india123 india@123 pakistan pakistan123 brasil123 espana123 france123 deutschland germany1
australia canada123 america1 newyork1 california texas123 london123 istanbul galatasaray fenerbahce
`

export const commonPasswords: ReadonlySet<string> = new Set(words.split(/\s+/).filter(Boolean))
