// The shapes of the second factor on the wire.

import { Type } from 'typebox'
import { component } from '#src/http/schema.ts'
import { SecondFactorCode } from './schemas.ts'

/** The password of whoever is signed in, which they give again. */
const Password = Type.String({ minLength: 1, maxLength: 128, description: 'Of the account.' })

const password = 'four wet herons wait'
const code = '492039'

export const SecondFactorBeginSchema = component(
  'SecondFactorBegin',
  Type.Object({ password: Password }, { examples: [{ password }] }),
)

export const SecondFactorSecretSchema = component(
  'SecondFactorSecret',
  Type.Object(
    {
      secret: Type.String({ description: 'In base32, to be typed into an app.' }),
      uri: Type.String({ description: 'The same for a QR code that an app reads.' }),
    },
    {
      description: 'Told once. Whoever has it makes the codes.',
      examples: [
        {
          secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
          uri: 'otpauth://totp/Visita:anna.berg%40example.org?issuer=Visita&secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&algorithm=SHA1&digits=6&period=30',
        },
      ],
    },
  ),
)

export const SecondFactorConfirmSchema = component(
  'SecondFactorConfirm',
  Type.Object(
    { code: { ...SecondFactorCode, description: 'Six digits that the app shows now.' } },
    { examples: [{ code }] },
  ),
)

export const SecondFactorProofSchema = component(
  'SecondFactorProof',
  Type.Object({ password: Password, code: SecondFactorCode }, { examples: [{ password, code }] }),
)

export const RecoveryCodesSchema = component(
  'RecoveryCodes',
  Type.Object(
    {
      recoveryCodes: Type.Array(Type.String(), {
        description: 'Each signs in once in place of a code of the app. They are told here alone.',
      }),
    },
    {
      examples: [
        {
          recoveryCodes: ['7K3M-QV0Y-XB9C-T1HR-RWD2-SEPG', '0QXC-4NV8-ZJ2T-M6KA-5R9D-YB3W'],
        },
      ],
    },
  ),
)
