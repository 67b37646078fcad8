import type { JobOrder } from '../ports.ts'

/** Whether anybody may see what is asked and answered: its client lets others verify it, and denies no data collection. */
export const isOpenOrder = ({ verification, rules }: Pick<JobOrder, 'rules' | 'verification'>) =>
  verification?.isOpen === true && !rules.noDataCollection
