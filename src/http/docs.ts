// The pages that people read about the API: Swagger UI to try it, Redoc to read it, and one for each
// problem. Everything they load comes from this server.

import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import { policyWith } from './headers.ts'
import { HttpRefusal, isProblemCode, nothingHere, problemKind } from './problems.ts'
import { component, ref } from './schema.ts'
import type { App } from './server.ts'

/** Swagger UI adds one style element, known by its hash; everything else it loads as a file. */
const swaggerPolicy = policyWith({
  'style-src': ["'self'", "'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='"],
})

/** What the page at /docs needs: itself, the description of the API and its files. */
const swaggerPath = /^\/docs(?:\/|\/json|\/static\/[a-z][\w.-]{0,63})?(?:\?|$)/

/** Adds /docs, which is no part of the API that openapi.json describes. */
export async function addDocumentationPages(app: App): Promise<void> {
  await app.register(async (docs) => {
    docs.addHook('onRequest', async (request) => {
      if (!swaggerPath.test(request.url)) throw new HttpRefusal('no-such-path', nothingHere)
    })
    await docs.register(swaggerUi, {
      routePrefix: '/docs',
      uiConfig: {
        layout: 'BaseLayout',
        docExpansion: 'none',
        displayRequestDuration: true,
      },
      theme: { title: 'Visita API' },
      staticCSP: swaggerPolicy,
    })
  })
}

const redocPage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Visita API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/redoc/page.css">
</head>
<body>
<div id="redoc"></div>
<script src="/redoc/redoc.js"></script>
<script src="/redoc/start.js"></script>
</body>
</html>
`

const redocStart = `Redoc.init('/openapi.json', {
  theme: {
    typography: {
      fontFamily: 'system-ui, sans-serif',
      headings: { fontFamily: 'system-ui, sans-serif' },
      code: { fontFamily: 'ui-monospace, monospace' },
    },
  },
}, document.getElementById('redoc'))
`

/**
 * Redoc adds two style elements, known by their hashes (the first is empty and filled by script), and
 * makes the worker of its search at run time.
 */
const redocPolicy = policyWith({
  'style-src': [
    "'self'",
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
    "'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='",
  ],
  'worker-src': ['blob:'],
})

/** Adds /redoc. */
export function redocRoutes(app: App): void {
  const options = { config: { audience: 'public' as const }, schema: { hide: true } }
  let bundle: Promise<string> | undefined
  app.get('/redoc', options, async (_request, reply) =>
    page(reply, 'text/html', redocPage).header('content-security-policy', redocPolicy),
  )
  app.get('/redoc/page.css', options, async (_request, reply) =>
    page(reply, 'text/css', 'body { margin: 0; }\n'),
  )
  app.get('/redoc/start.js', options, async (_request, reply) =>
    page(reply, 'text/javascript', redocStart),
  )
  app.get('/redoc/redoc.js', options, async (_request, reply) => {
    bundle ??= readRedoc()
    return page(reply, 'text/javascript', await bundle)
  })
}

function page(reply: FastifyReply, type: string, content: string): FastifyReply {
  return reply.type(`${type}; charset=utf-8`).send(content)
}

/** The bundle asks its maker's server for a logo; without the address it leaves the logo out. */
async function readRedoc(): Promise<string> {
  const path = fileURLToPath(import.meta.resolve('redoc/bundles/redoc.standalone.js'))
  const source = await readFile(path, 'utf8')
  return source.replaceAll('https://cdn.redoc.ly/redoc/logo-mini.svg', 'data:,')
}

const ProblemPage = component(
  'ProblemPage',
  Type.Object(
    { type: Type.String(), title: Type.String(), status: Type.Integer(), advice: Type.String() },
    {
      examples: [
        {
          type: '/problems/slot-taken',
          title: 'The time is taken',
          status: 409,
          advice: 'Choose another time; `alternatives` and `otherDoctors` name some.',
        },
      ],
    },
  ),
)

/** openapi.json itself, what each problem type means, and the way there from the root. */
export function descriptionRoutes(app: App): void {
  let document: string | undefined
  app.get(
    '/',
    { config: { audience: 'public' }, schema: { hide: true } },
    async (_request, reply) => reply.redirect('/docs'),
  )
  app.get(
    '/openapi.json',
    {
      config: { audience: 'public' },
      schema: {
        operationId: 'getOpenApi',
        summary: 'This description of the API',
        tags: ['operations'],
        response: {
          200: Type.Unsafe<string>({
            type: 'object',
            additionalProperties: true,
            examples: [
              { openapi: '3.1.0', info: { title: 'Visita', version: '0.1.0' }, paths: {} },
            ],
          }),
        },
      },
    },
    async (_request, reply) => {
      document ??= JSON.stringify(app.swagger(), null, 2)
      return reply.type('application/json; charset=utf-8').send(document)
    },
  )
  app.get(
    '/problems/:code',
    {
      config: { audience: 'public' },
      schema: {
        operationId: 'getProblem',
        summary: 'What a problem means and what to do about it',
        tags: ['operations'],
        params: Type.Object({
          code: Type.String({ maxLength: 64, examples: ['slot-taken'] }),
        }),
        response: { 200: ref(ProblemPage) },
      },
    },
    async (request) => {
      const { code } = request.params
      if (!isProblemCode(code)) throw new HttpRefusal('no-such-path', 'There is no such problem.')
      const { title, status, advice, type = `/problems/${code}` } = problemKind(code)
      return { type, title, status, advice }
    },
  )
}
