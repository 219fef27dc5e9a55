// Which hosts are this machine.

/** Whether the host of a URL (an IPv6 address in brackets) is this machine, by its name or address. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d+){3}$/.test(hostname)
}
