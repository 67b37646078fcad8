import type { EdgeEvents } from '../events.ts'
import type { ProviderHub } from './provider-hub.ts'

/** What every host tells of its hub's present state. */
export function hubGauges(events: EdgeEvents, hub: ProviderHub): void {
  events.gauge('infernet_jobs_in_flight', 'Jobs running now.', () => hub.jobsInFlight)
  events.gauge(
    'infernet_jobs_waiting',
    'Jobs that wait for a provider to have room.',
    () => hub.jobsWaiting,
  )
  events.gauge('infernet_providers_connected', 'Providers connected now.', () => hub.providers)
}
