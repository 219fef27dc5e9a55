// How long sessions live.

/**
 * How many days a session lives at most, however often its tokens are exchanged (OWASP ASVS 5.0, 7.3.2): who
 * has been signed in for so long gives the password again.
 */
export const sessionDaysMax = 90
