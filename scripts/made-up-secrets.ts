// Texts that look like secrets and are none, by the fingerprints that the scan prints, with what they are.

export const madeUpSecrets: ReadonlyMap<string, string> = new Map([
  ['3eb1bd439947eb76', 'SMS_TOKEN in .env.example: the hexadecimal digits, twice'],
  ['3b377563a49adf71', 'the token of a link in the examples of openapi.json'],
  ['4fd5992b6e322e81', 'the token of a link to an account, as above'],
  ['694301491a07242b', 'the token of an invitation to a record, as above'],
  ['49a79c735ec430f7', 'an access token whose signature is the word "signature"'],
  ['5ffbf3aa87666f97', 'a refresh token in the examples'],
  ['868fb62268ab9868', 'a refresh token in the examples, whole'],
  ['9972393cda0566e1', 'the secret of a second factor in docs/guides/signing-in.md'],
])
