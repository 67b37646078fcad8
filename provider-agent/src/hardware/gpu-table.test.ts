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
    ['NVIDIA GeForce RTX 5090', 32_607, 21_760, 1792],
    ['NVIDIA GeForce RTX 5090 D v2', 24_463, 21_760, 1344],
    ['NVIDIA GeForce RTX 5070 Ti', 16_303, 8960, 896],
    ['NVIDIA GeForce RTX 3090', 24_576, 10_496, 936],
    ['NVIDIA RTX PRO 6000 Blackwell Workstation Edition', 97_887, 24_064, 1792],
    ['NVIDIA RTX PRO 6000 Blackwell Server Edition', 97_887, 24_064, 1597],
    ['NVIDIA RTX PRO 4000 Blackwell SFF Edition', 24_467, 8960, 432],
    ['NVIDIA RTX 5000 Ada Generation Laptop GPU', 16_376, 9728, 576],
    ['NVIDIA B300 SXM6 AC', 275_040, 18_944, 8000],
    ['NVIDIA B200', 183_359, 18_944, 7700],
    ['NVIDIA GB200', 189_471, 19_456, 8000],
    ['NVIDIA GH200 144G HBM3e', 146_831, 16_896, 4900],
    ['NVIDIA H200', 143_771, 16_896, 4800],
    ['NVIDIA H20', 97_871, 9984, 4000],
    ['NVIDIA L40S', 46_068, 18_176, 864],
    ['NVIDIA L4', 23_034, 7424, 300],
    ['NVIDIA A10', 23_028, 9216, 600],
    ['Navi 48 [Radeon AI PRO R9700]', 32_624, undefined, 640],
    // Which of them it is, is not said.
    ['Navi 21 [Radeon RX 6800/6800 XT / 6900 XT]', 16_368, undefined, undefined],
    ['Apple M5 Max', undefined, undefined, 460],
    ['A Card of Tomorrow', 1, undefined, undefined],
  ])('%s with %j MiB: %j cores, %j GB/s', (name, vramMib, cores, bandwidth) => {
    expect(cardFacts(name, vramMib)).toEqual({ cores, bandwidth })
  })

  it('knows which have no memory of their own', () => {
    expect(cardFacts('NVIDIA GB10', undefined)).toEqual({
      cores: 6144,
      bandwidth: 273,
      unified: true,
    })
  })
})
