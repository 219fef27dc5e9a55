import { Type } from 'typebox'
import { signedIn } from '#src/http/request.ts'
import { Page, PageQuery, ref } from '#src/http/schema.ts'
import type { App } from '#src/http/server.ts'
import { addRoom, listRooms, presentRoom, removeRoom } from './rooms.ts'
import { ClinicParams, NewRoomSchema, RoomParams, RoomSchema } from './schemas.ts'

export function roomRoutes(app: App): void {
  app.get(
    '/clinics/:id/rooms',
    {
      config: { audience: ['doctor', 'front_desk', 'admin'] },
      schema: {
        summary: "A clinic's rooms and devices, by name",
        description: "For admins, the clinic's doctors and its front desk.",
        tags: ['clinics'],
        params: ClinicParams,
        querystring: Type.Object(PageQuery),
        response: { 200: Page(ref(RoomSchema)) },
      },
    },
    async (request) => listRooms(signedIn(request), request.params.id, request.query),
  )

  app.post(
    '/clinics/:id/rooms',
    {
      config: { audience: ['front_desk', 'admin'], refusals: ['conflict'] },
      schema: {
        summary: 'Add a room or a device',
        description: "By an admin or the clinic's front desk.",
        tags: ['clinics'],
        params: ClinicParams,
        body: ref(NewRoomSchema),
        response: { 201: ref(RoomSchema) },
      },
    },
    async (request, reply) => {
      const row = await addRoom(signedIn(request), request.params.id, request.body)
      return reply.code(201).send(presentRoom(row))
    },
  )

  app.delete(
    '/clinics/:id/rooms/:roomId',
    {
      config: { audience: ['front_desk', 'admin'], refusals: ['conflict'] },
      schema: {
        summary: 'Remove a room or a device',
        description:
          "By an admin or the clinic's front desk. One that a visit was ever booked in cannot be removed.",
        tags: ['clinics'],
        params: RoomParams,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { id, roomId } = request.params
      await removeRoom(signedIn(request), { clinicId: id, roomId })
      return reply.code(204).send(null)
    },
  )
}
