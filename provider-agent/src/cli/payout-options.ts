import { MAX_PAYOUT_THRESHOLD_SAT } from '@infernet/schemas/limits'
import { Option, type Command } from 'commander'
import { count } from './count.ts'

/** Adds the options that say where the earnings go; `readPayoutFlags` reads them. */
export const addPayoutOptions = (command: Command): Command =>
  command
    .addOption(
      new Option(
        '--payout <where>',
        'where earnings go: user@domain, keysend:PUBKEY, or lnd for invoices of your own node',
      ).env('INFERNET_PAYOUT'),
    )
    .option('--payout-when <when>', 'at_once or threshold (default: as the edge does)')
    .option(
      '--payout-threshold-sat <n>',
      'from how much on, in sat',
      count(MAX_PAYOUT_THRESHOLD_SAT),
    )
    .option('--lnd <host:port>', 'gRPC of your own LND, for --payout lnd')
    .option('--lnd-cert <file>', 'its tls.cert')
    .option('--lnd-macaroon <file>', 'a macaroon that allows it invoices and nothing else')
