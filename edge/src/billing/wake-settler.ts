import type { EdgeContext, EdgeServices } from '../services.ts'

/** Tells the settler of new rows; when that fails it finds them by itself, a little later. */
export async function wakeSettler(services: EdgeServices, c: EdgeContext): Promise<void> {
  try {
    await services.settler.wake()
  } catch (error) {
    services.events.internalError(c.get('requestId'), error)
  }
}
