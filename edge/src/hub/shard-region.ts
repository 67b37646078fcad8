/** Where a hub shard can be: Cloudflare's location hints. */
export const REGIONS = ['wnam', 'enam', 'sam', 'weur', 'eeur', 'apac', 'oc', 'afr', 'me'] as const
export type Region = (typeof REGIONS)[number]

/** Where a connection comes from, as its host knows it; strangers' text in part, so checked here. */
export interface Origin {
  /** Two letters: AF, AN, AS, EU, NA, OC, SA. */
  readonly continent?: string | undefined
  /** ISO 3166-1 alpha-2. */
  readonly country?: string | undefined
  /** Degrees east, as decimal text. */
  readonly longitude?: string | undefined
}

/** Where a connection is taken to be when its host does not say: a single machine has one region. */
const HOME: Region = 'enam'

/** Degrees east of the lines between west and east; Denver and Berlin lie just on either side. */
const WEST_OF_AMERICA = -100
const EAST_OF_EUROPE = 14

/** Countries of Asia that are nearer to the Gulf than to the Pacific. */
const MIDDLE_EAST = new Set('AE AM AZ BH CY GE IL IQ IR JO KW LB OM PS QA SA SY TR YE'.split(' '))

/** The region that serves a connection. */
export function regionOf(origin: Origin | undefined): Region {
  const longitude = Number(origin?.longitude ?? Number.NaN)
  switch (origin?.continent) {
    case 'NA':
      return longitude < WEST_OF_AMERICA ? 'wnam' : 'enam'
    case 'SA':
      return 'sam'
    case 'EU':
      return longitude >= EAST_OF_EUROPE ? 'eeur' : 'weur'
    case 'AF':
      return 'afr'
    case 'AS':
      return MIDDLE_EAST.has(origin.country ?? '') ? 'me' : 'apac'
    case 'OC':
    case 'AN':
      return 'oc'
    default:
      return HOME
  }
}

type Vector = readonly [number, number, number]

/** The point at so many degrees north and east, on a sphere of radius 1. */
function onSphere(north: number, east: number): Vector {
  const [n, e] = [(north * Math.PI) / 180, (east * Math.PI) / 180] as const
  return [Math.cos(n) * Math.cos(e), Math.cos(n) * Math.sin(e), Math.sin(n)]
}

/** A place in the middle of each region's data centres. */
const CENTRES: Record<Region, Vector> = {
  wnam: onSphere(37, -120),
  enam: onSphere(40, -77),
  sam: onSphere(-23, -47),
  weur: onSphere(50, 4),
  eeur: onSphere(51, 22),
  apac: onSphere(22, 112),
  oc: onSphere(-34, 150),
  afr: onSphere(-10, 28),
  me: onSphere(26, 48),
}

/** Cosine of the angle between two regions, seen from the middle of the earth. */
function closeness(a: Region, b: Region): number {
  const [[x, y, z], [otherX, otherY, otherZ]] = [CENTRES[a], CENTRES[b]]
  return x * otherX + y * otherY + z * otherZ
}

const NEAREST = new Map(
  REGIONS.map((region) => [
    region,
    REGIONS.toSorted((a, b) => closeness(region, b) - closeness(region, a)),
  ]),
)

/** All regions, the given one first and the farthest last. */
export const nearestRegions = (region: Region): readonly Region[] => NEAREST.get(region) ?? REGIONS

const SHARD_NAME = new RegExp(`^hub:(${REGIONS.join('|')}):(0|[1-9][0-9]?)$`)

/** The name that a region's `index`-th shard is found by, counted from 0. */
export const shardName = (region: Region, index: number): string => `hub:${region}:${index}`

/** The region in a shard's name; undefined when it is none. */
export const regionOfShard = (shard: string): Region | undefined =>
  SHARD_NAME.exec(shard)?.[1] as Region | undefined
