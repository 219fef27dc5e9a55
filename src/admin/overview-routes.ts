import type { Readiness } from '#src/http/health.ts'
import { signedIn } from '#src/http/request.ts'
import { ref } from '#src/http/schema.ts'
import type { App } from '#src/http/server.ts'
import { readOverview } from './overview.ts'
import { OverviewQuery, OverviewSchema } from './overview-schemas.ts'

export function overviewRoutes(
  app: App,
  { readiness }: { readiness: () => Promise<Readiness> },
): void {
  app.get(
    '/admin/overview',
    {
      config: { audience: ['admin'] },
      schema: {
        operationId: 'getOverview',
        summary: "The day's load, what waits, and what somebody should look at",
        tags: ['admin'],
        querystring: OverviewQuery,
        response: { 200: ref(OverviewSchema) },
      },
    },
    async (request) => readOverview(signedIn(request), { date: request.query.date, readiness }),
  )
}
