import { describe, expect, it } from 'vitest'
import { DbError, type DbPort } from '@infernet/settlement/db/db-port'

/** What every {@link DbPort} must do, whatever carries its statements. */
export function testPort(open: () => DbPort): void {
  const query = (sql: string, ...params: unknown[]) => open().query(sql, params)

  describe('port', () => {
    it('decodes booleans and small numbers, and leaves everything else as Postgres prints it', async () => {
      expect(
        await query(`select true, false, 7::int2, 8::int4, 9::int8, 1.5::float8, 1.10::numeric,
          'text', null, '{"a": 1}'::jsonb, '{1,2}'::int4[],
          timestamptz '2026-01-02 03:04:05.678+00' at time zone 'UTC'`),
      ).toEqual([
        [
          true,
          false,
          7,
          8,
          '9',
          1.5,
          '1.10',
          'text',
          null,
          '{"a": 1}',
          '{1,2}',
          '2026-01-02 03:04:05.678',
        ],
      ])
    })

    it('binds every kind of parameter', async () => {
      expect(
        await query(
          'select $1::text, $2::int8, $3::int4, $4::bool, $5::text, $6::jsonb, $7::text[], $8::timestamptz = $9',
          "it's",
          2n ** 62n,
          -3,
          true,
          null,
          '{"b":[1]}',
          ['x', 'y"z'],
          '2026-01-02T03:04:05.678Z',
          '2026-01-02 04:04:05.678+01',
        ),
      ).toEqual([
        ["it's", '4611686018427387904', -3, true, null, '{"b": [1]}', '{x,"y\\"z"}', true],
      ])
    })

    it('returns no rows for a statement that has none, and every row of one that does', async () => {
      expect(await query('select 1 where false')).toEqual([])
      expect(await query('select n from generate_series(1, 3) as n')).toEqual([[1], [2], [3]])
    })

    it('keeps columns of the same name apart', async () => {
      expect(await query('select 1 as a, 2 as a')).toEqual([[1, 2]])
    })

    it('throws DbError with the SQLSTATE, and works on', async () => {
      await expect(query('select * from no_such_table')).rejects.toMatchObject({
        name: 'DbError',
        code: '42P01',
      })
      await expect(query("select 'x'::int4")).rejects.toMatchObject({ code: '22P02' })
      await expect(query('select 1/0')).rejects.toBeInstanceOf(DbError)
      expect(await query('select 1')).toEqual([[1]])
    })

    it('names the violated constraint', async () => {
      const insert = () => query("insert into accounts (id, name) values ('port-test', 'x')")
      await query("delete from accounts where id = 'port-test'")
      await insert()
      await expect(insert()).rejects.toMatchObject({ code: '23505', constraint: 'accounts_pkey' })
    })

    it('rolls a failed statement back whole', async () => {
      await query("delete from accounts where id = 'half'")
      const failing =
        "with a as (insert into accounts (id, name) values ('half', 'x')) select 1 / $1::int4"
      await expect(query(failing, 0)).rejects.toBeInstanceOf(DbError)
      expect(await query("select id from accounts where id = 'half'")).toEqual([])
    })

    it('answers many statements at once', async () => {
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, n) => query('select $1::int4', n)),
      )
      expect(answers.map(([row]) => row)).toEqual(Array.from({ length: 50 }, (_, n) => [n]))
    })
  })
}
