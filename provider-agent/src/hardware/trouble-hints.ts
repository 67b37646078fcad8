/** What drivers say that cannot answer, and what helps. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [/communicate with the NVIDIA driver/i, 'load its driver: sudo modprobe nvidia'],
  [/version mismatch/i, 'its driver was updated, and the old one still runs: sudo reboot'],
  [/lost|device handle|reset|fallen off/i, 'a GPU does not answer any more: sudo reboot'],
  [
    /does not answer/i,
    'a card that is reset answers again in a minute; if it does not: sudo reboot',
  ],
  [/no devices were found/i, 'the driver sees no GPU: sudo dmesg | grep -i nvrm'],
  [/permission/i, 'give the agent its devices: ls -l /dev/nvidia*'],
]

/** The next command for an owner whose driver says this. */
export const hintFor = (trouble: string): string =>
  HINTS.find(([words]) => words.test(trouble))?.[1] ?? 'see what it says by itself: nvidia-smi'
