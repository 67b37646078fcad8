const GROUPS = 8
/** What a network operator gives one customer: 64 bits. */
const NETWORK_GROUPS = 4

/** An address as far as one client has it for itself: IPv4 whole, IPv6 its first 64 bits. */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address
  const mapped = /^::ffff:([0-9]+(?:\.[0-9]+){3})$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  const [head = '', tail] = address.toLowerCase().split('::', 2)
  const groups = groupsOf(head)
  if (tail !== undefined) {
    const zeros = Math.max(0, GROUPS - groups.length - groupsOf(tail).length)
    groups.push(...Array.from({ length: zeros }, () => '0'), ...groupsOf(tail))
  }
  return groups.slice(0, NETWORK_GROUPS).join(':')
}

const groupsOf = (text: string): string[] => (text === '' ? [] : text.split(':'))
