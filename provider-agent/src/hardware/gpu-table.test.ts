import { describe, expect, it } from 'vitest'
import { cardFacts } from './gpu-table.ts'

describe('the table of cards', () => {
  it.each<[string, number | undefined, number | undefined, number | undefined]>([
    ['NVIDIA GeForce RTX 4090', 24_564, 16_384, 1008],
    ['NVIDIA GeForce RTX 4090 D', 24_564, 14_592, 1008],
    ['NVIDIA GeForce RTX 4090 Laptop GPU', 16_376, 9728, 576],
    ['GeForce RTX 2080 Ti', 11_019, 4352, 616],
    ['NVIDIA GeForce RTX 3080', 10_240, 8704, 760],
    ['NVIDIA GeForce RTX 3080', 12_288, 8960, 912],
    ['NVIDIA GeForce RTX 3080', 20_480, undefined, undefined],
    ['NVIDIA GeForce RTX 3080', undefined, undefined, undefined],
    ['Tesla T4', 15_360, 2560, 320],
    ['NVIDIA RTX A6000', 49_140, 10_752, 768],
    ['NVIDIA RTX 6000 Ada Generation', 49_140, 18_176, 960],
    ['Quadro RTX 6000', 24_576, 4608, 672],
    ['NVIDIA A100 80GB PCIe', 81_920, 6912, 1935],
    ['NVIDIA H100 PCIe', 81_559, 14_592, 2000],
    ['AMD Radeon RX 7900 XTX', 24_560, undefined, 960],
    ['Apple M3 Ultra', undefined, undefined, 819],
    ['A Card of Tomorrow', 1, undefined, undefined],
  ])('%s with %j MiB: %j cores, %j GB/s', (name, vramMib, cores, bandwidth) => {
    expect(cardFacts(name, vramMib)).toEqual({ cores, bandwidth })
  })
})
