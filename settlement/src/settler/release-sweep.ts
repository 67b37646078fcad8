import { sql, type SQL } from 'drizzle-orm'
import { z } from 'zod'
import { askRows, type Database } from '../db/database.ts'

/** Parts of one table that one round looks at: some tens of milliseconds where none of them may go. */
const PARTS_PER_ROUND = 20_000

/** Where parts of answers are. Keys begin with the time, and so do ids of jobs and leases. */
export const PART_TABLES = [
  { name: 'jobs', key: sql`part.id`, job: sql`part.id`, isEarlier: sql`false` },
  { name: 'earlier_parts', key: sql`part.lease`, job: sql`part.job_id`, isEarlier: sql`true` },
] as const

export type PartTable = (typeof PART_TABLES)[number]

/** Keys above `after`, up to `until`; undefined: all that are old enough. */
interface Stretch {
  readonly after: string
  readonly until: string | undefined
}

const FROM_THE_START: Stretch = { after: '', until: undefined }

const endsSchema = z.tuple([z.tuple([z.string().nullable(), z.string().nullable()])])

/**
 * Which of the parts that only wait a round looks at, by table. Those of who is suspected and those of newcomers wait
 * for up to a week, by the hundred thousand, and to read them all took seconds. So a round reads a stretch, the next
 * one the next, and then it begins anew: where more wait than one stretch has, what may go goes some rounds later.
 */
export class ReleaseSweep {
  #stretches: Readonly<Record<PartTable['name'], Stretch>> = {
    jobs: FROM_THE_START,
    earlier_parts: FROM_THE_START,
  }
  readonly #partsPerRound: number

  constructor(partsPerRound = PARTS_PER_ROUND) {
    this.#partsPerRound = partsPerRound
  }

  /** Of `part`: whether it is in the stretch of its table. */
  has({ name, key }: PartTable): SQL {
    const { after, until } = this.#stretches[name]
    return until === undefined
      ? sql`${key} > ${after}`
      : sql`${key} > ${after} and ${key} <= ${until}`
  }

  /** Finds out where the stretches end, among keys below `below`. */
  async begin(db: Database, below: SQL): Promise<void> {
    const [jobs, earlier] = PART_TABLES.map(
      ({ name, key }) => sql`(
        select ${key} from ${sql.raw(name)} as part
        where cost_msat > 0 and released_at is null
          and ${key} > ${this.#stretches[name].after} and ${key} < ${below}
        order by ${key} offset ${sql.raw(String(this.#partsPerRound - 1))} limit 1)`,
    )
    const [[jobsEnd, earlierEnd]] = endsSchema.parse(
      await askRows(db, sql`select ${jobs}, ${earlier}`),
    )
    this.#stretches = {
      jobs: { after: this.#stretches.jobs.after, until: jobsEnd ?? undefined },
      earlier_parts: { after: this.#stretches.earlier_parts.after, until: earlierEnd ?? undefined },
    }
  }

  /** Nothing in the stretches may go any more: on to the next. */
  goOn(): void {
    const { jobs, earlier_parts: earlier } = this.#stretches
    this.#stretches = { jobs: nextOf(jobs), earlier_parts: nextOf(earlier) }
  }
}

const nextOf = ({ until }: Stretch): Stretch =>
  until === undefined ? FROM_THE_START : { after: until, until: undefined }
