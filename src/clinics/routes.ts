// Clinics and what belongs to them over HTTP, below /api/v1.

import type { App } from '#src/http/server.ts'
import { clinicRecordRoutes } from './clinic-routes.ts'
import { closureRoutes } from './closure-routes.ts'
import { roomRoutes } from './room-routes.ts'
import { visitTypeRoutes } from './visit-type-routes.ts'

export function clinicRoutes(app: App): void {
  clinicRecordRoutes(app)
  closureRoutes(app)
  roomRoutes(app)
  visitTypeRoutes(app)
}
