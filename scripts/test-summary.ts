/** What is used of Vitest's JSON report. */
export interface VitestReport {
  readonly testResults: readonly {
    readonly name: string
    readonly assertionResults: readonly {
      readonly status: string
      readonly title: string
      readonly ancestorTitles: readonly string[]
    }[]
  }[]
}

/**
 * The closing lines of a test run. A skipped suite says in its own title what it needs and how to
 * get that, so each such title is listed once, with the number of tests it hides.
 */
export function summarize(report: VitestReport): { lines: string[]; skipped: number } {
  const tests = report.testResults.flatMap((file) => file.assertionResults)
  const passed = tests.filter((test) => test.status === 'passed').length
  const failed = tests.filter((test) => test.status === 'failed').length
  const skipped = tests.filter((test) => test.status !== 'passed' && test.status !== 'failed')
  const reasons = Map.groupBy(
    skipped,
    ({ ancestorTitles, title }) =>
      [...ancestorTitles, title].find((name) => name.includes('needs')) ?? title,
  )
  return {
    lines: [
      ...[...reasons].map(([reason, hidden]) => `skipped ${hidden.length}: ${reason}`),
      `${passed} passed, ${failed} failed, ${skipped.length} skipped`,
    ],
    skipped: skipped.length,
  }
}
