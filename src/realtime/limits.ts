// How much one process takes on for live updates. None of it is configuration: who needs more runs
// another process.

export interface RealtimeLimits {
  /** Sockets of this process. */
  socketsMax: number
  /** Of them those that have not said who they are, and those of these from one address. */
  strangersMax: number
  addressStrangersMax: number
  /** Of all messages that a client may send before it is known who it is. */
  strangerBytesMax: number
  /** Sockets of one account on this process. */
  accountSocketsMax: number
  subscriptionsMax: number
  /** Of one message from a client. */
  messageBytesMax: number
  /** How many messages a client may send at once, and how many a second for long. */
  messagesAtOnceMax: number
  messagesPerSecond: number
  /** How long a client may take to say who it is. */
  authenticateMilliseconds: number
  heartbeatMilliseconds: number
  /** How often it is looked whether the sessions of open sockets are over. */
  sessionCheckMilliseconds: number
  /** What a client may leave unread. */
  unsentBytesMax: number
  /** Of one replay: the events that are sent again, and those that are looked at for that. */
  replayedMax: number
  scannedMax: number
  /** Batches of events that may wait to be told. */
  batchesMax: number
  /** How long a socket that is closed may take to say goodbye. */
  closeMilliseconds: number
}

export const realtimeLimits: Readonly<RealtimeLimits> = {
  socketsMax: 20_000,
  strangersMax: 2000,
  addressStrangersMax: 100,
  strangerBytesMax: 32 * 1024,
  accountSocketsMax: 20,
  subscriptionsMax: 50,
  messageBytesMax: 4096,
  messagesAtOnceMax: 120,
  messagesPerSecond: 10,
  authenticateMilliseconds: 5000,
  heartbeatMilliseconds: 25_000,
  sessionCheckMilliseconds: 500,
  unsentBytesMax: 1024 * 1024,
  replayedMax: 1000,
  scannedMax: 10_000,
  batchesMax: 40,
  closeMilliseconds: 2000,
}
