// What was loaded by id, kept until it is forgotten.

export interface Memory<Value> {
  /** The values of these ids, loading in one call what is not known; ids of nothing are left out. */
  get(ids: readonly string[]): Promise<Map<string, Value>>
  /** The value when it is known already. */
  peek(id: string): Value | undefined
  /** Makes the next `get` load it again, also when it is being loaded right now. */
  forget(id: string): void
  /** Keeps what is known, but lets nothing that is being loaded right now take its place. */
  distrustLoading(id: string): void
}

export function createMemory<Value>(
  load: (ids: string[]) => Promise<Map<string, Value>>,
): Memory<Value> {
  const known = new Map<string, Value>()
  const loading = new Map<string, Promise<Map<string, Value>>>()

  function startLoading(ids: string[]): void {
    const loaded = load(ids)
    for (const id of ids) loading.set(id, loaded)
    const keep = (values: Map<string, Value>) => {
      for (const id of ids) {
        if (loading.get(id) !== loaded) continue
        loading.delete(id)
        const value = values.get(id)
        if (value !== undefined) known.set(id, value)
      }
    }
    loaded.then(keep, () => keep(new Map()))
  }

  return {
    async get(ids) {
      const missing = ids.filter((id) => !known.has(id) && !loading.has(id))
      if (missing.length > 0) startLoading([...new Set(missing)])
      const values = new Map<string, Value>()
      const awaited = ids.map((id) => known.get(id) ?? loading.get(id))
      for (const [index, id] of ids.entries()) {
        const found = awaited[index]
        const value = found instanceof Promise ? (await found).get(id) : found
        if (value !== undefined) values.set(id, value)
      }
      return values
    },
    peek: (id) => known.get(id),
    forget(id) {
      known.delete(id)
      loading.delete(id)
    },
    distrustLoading: (id) => void loading.delete(id),
  }
}
