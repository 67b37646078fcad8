import { newAccountId } from '@infernet/schemas/ids'
import { expect, it } from 'vitest'
import { NodeSql } from '../hosts/node/node-sql.ts'
import { Ledger } from './ledger.ts'
import { Outbox } from './outbox.ts'
import { migrate } from './schema.ts'

it('an outbox that another process has emptied is empty, whatever it remembers', () => {
  const sql = new NodeSql(':memory:')
  migrate(sql)
  const [mine, others] = [new Outbox(sql), new Outbox(sql)]
  new Ledger(sql, mine).deposit(newAccountId(1), 'r', 1, 0)
  const batch = others.read(10)!
  expect(mine.read(10)).toEqual(batch)
  others.flushed(batch)
  expect(mine.size).toBe(1)
  expect(mine.read(10)).toBeUndefined()
  expect(mine.size).toBe(0)
})
