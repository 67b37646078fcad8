/** The home of a user in the text of `/etc/passwd`; undefined where there is no such user. */
export function homeIn(passwd: string, user: string): string | undefined {
  const line = passwd.split('\n').find((one) => one.startsWith(`${user}:`))
  return line?.split(':')[5] || undefined
}
