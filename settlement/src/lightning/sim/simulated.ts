import { SIMULATED_MARK } from '../simulated-mark.ts'
import { SimulationError } from './sim-errors.ts'

/** What a simulated node calls itself wherever it can. */
export const SIMULATED_VERSION = `0.21.2-beta ${SIMULATED_MARK}`

/** Real money has no place here, and simulated money none in production. */
export function assertSimulationAllowed(environment: string | undefined): void {
  if (environment === 'production')
    throw new SimulationError(
      'production',
      'Simulated Lightning does not start with INFERNET_ENV=production: connect an LND',
    )
}
