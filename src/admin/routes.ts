// The routes of whoever runs the network, below /api/v1/admin.

import type { Readiness } from '#src/http/health.ts'
import type { App } from '#src/http/server.ts'
import { appointmentExportRoutes } from './appointments-routes.ts'
import { auditRoutes } from './audit-routes.ts'
import { overviewRoutes } from './overview-routes.ts'
import { settingsRoutes } from './settings-routes.ts'
import { userRoutes } from './user-routes.ts'

/** `readiness` answers what the server's own checks find. */
export function adminRoutes(app: App, options: { readiness: () => Promise<Readiness> }): void {
  userRoutes(app)
  overviewRoutes(app, options)
  appointmentExportRoutes(app)
  auditRoutes(app)
  settingsRoutes(app)
}
