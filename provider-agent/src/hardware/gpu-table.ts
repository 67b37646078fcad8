/**
 * What no tool reports: cores and memory bandwidth (10⁹ bytes a second) of common cards, by the name
 * that their driver writes. Nominal figures as makers publish them. GeForce of the 30, 40 and 50 series
 * were compared with a public table in 2026, the others have not been compared with their data sheets.
 * Where cards of one name differ, the memory in GiB tells them apart, else it is the lower figure. Not
 * known is `undefined`. Nothing but what owners and clients read depends on it.
 */
export interface CardFacts {
  readonly cores: number | undefined
  readonly bandwidth: number | undefined
  /** It has no memory of its own. */
  readonly unified?: true
}

type Card = readonly [name: string, cores: number | undefined, bandwidth: number, gib?: number]

const GEFORCE: readonly Card[] = [
  ['RTX 5090', 21_760, 1792],
  ['RTX 5090 D', 21_760, 1792],
  ['RTX 5090 D v2', 21_760, 1344],
  ['RTX 5080', 10_752, 960],
  ['RTX 5070 Ti', 8960, 896],
  ['RTX 5070', 6144, 672],
  ['RTX 5060 Ti', 4608, 448],
  ['RTX 5060', 3840, 448],
  ['RTX 5050', 2560, 320],
  ['RTX 4090', 16_384, 1008],
  ['RTX 4090 D', 14_592, 1008],
  ['RTX 4080 SUPER', 10_240, 736],
  ['RTX 4080', 9728, 717],
  ['RTX 4070 Ti SUPER', 8448, 672],
  ['RTX 4070 Ti', 7680, 504],
  ['RTX 4070 SUPER', 7168, 504],
  ['RTX 4070', 5888, 480],
  ['RTX 4060 Ti', 4352, 288],
  ['RTX 4060', 3072, 272],
  ['RTX 3090 Ti', 10_752, 1008],
  ['RTX 3090', 10_496, 936],
  ['RTX 3080 Ti', 10_240, 912],
  ['RTX 3080', 8704, 760, 10],
  ['RTX 3080', 8960, 912, 12],
  ['RTX 3070 Ti', 6144, 608],
  ['RTX 3070', 5888, 448],
  ['RTX 3060 Ti', 4864, 448],
  ['RTX 3060', 3584, 240, 8],
  ['RTX 3060', 3584, 360, 12],
  ['RTX 3050', 2304, 168, 6],
  ['RTX 3050', 2560, 224, 8],
  ['RTX 2080 Ti', 4352, 616],
  ['RTX 2080 SUPER', 3072, 496],
  ['RTX 2080', 2944, 448],
  ['RTX 2070 SUPER', 2560, 448],
  ['RTX 2070', 2304, 448],
  ['RTX 2060 SUPER', 2176, 448],
  ['RTX 2060', 1920, 336, 6],
  ['RTX 2060', 2176, 336, 12],
  ['GTX 1660 Ti', 1536, 288],
  ['GTX 1660 SUPER', 1408, 336],
  ['GTX 1660', 1408, 192],
  ['GTX 1650 SUPER', 1280, 192],
  ['GTX 1650', 896, 128],
  ['GTX 1080 Ti', 3584, 484],
  ['GTX 1080', 2560, 320],
  ['GTX 1070 Ti', 2432, 256],
  ['GTX 1070', 1920, 256],
  ['GTX 1060 6GB', 1280, 192],
  ['TITAN RTX', 4608, 672],
  ['TITAN V', 5120, 653],
  ['TITAN Xp', 3840, 548],
]

const LAPTOPS: readonly Card[] = [
  ['RTX 5090 Laptop GPU', 10_496, 896],
  ['RTX 5080 Laptop GPU', 7680, 896],
  ['RTX 5070 Ti Laptop GPU', 5888, 672],
  ['RTX 5070 Laptop GPU', 4608, 384],
  ['RTX 5060 Laptop GPU', 3328, 384],
  ['RTX 5050 Laptop GPU', 2560, 384],
  ['RTX 4090 Laptop GPU', 9728, 576],
  ['RTX 4080 Laptop GPU', 7424, 432],
  ['RTX 4070 Laptop GPU', 4608, 256],
  ['RTX 4060 Laptop GPU', 3072, 256],
  ['RTX 4050 Laptop GPU', 2560, 192],
  ['RTX 3080 Ti Laptop GPU', 7424, 512],
  ['RTX 3080 Laptop GPU', 6144, 448],
  ['RTX 3070 Ti Laptop GPU', 5888, 448],
  ['RTX 3070 Laptop GPU', 5120, 448],
  ['RTX 3060 Laptop GPU', 3840, 336],
  ['RTX 3050 Ti Laptop GPU', 2560, 192],
  ['RTX 3050 6GB Laptop GPU', 2560, 168],
  ['RTX 3050 Laptop GPU', 2048, 192],
  ['RTX 5000 Ada Generation Laptop GPU', 9728, 576],
  ['RTX 4000 Ada Generation Laptop GPU', 7424, 432],
  ['RTX 3500 Ada Generation Laptop GPU', 5120, 432],
  ['RTX 3000 Ada Generation Laptop GPU', 4608, 256],
  ['RTX 2000 Ada Generation Laptop GPU', 3072, 256],
]

const WORKSTATION: readonly Card[] = [
  ['RTX PRO 6000 Blackwell Workstation Edition', 24_064, 1792],
  ['RTX PRO 6000 Blackwell Max-Q Workstation Edition', 24_064, 1792],
  ['RTX PRO 6000 Blackwell Server Edition', 24_064, 1597],
  ['RTX PRO 5000 Blackwell', 14_080, 1344],
  ['RTX PRO 5000 72GB Blackwell', 14_080, 1344],
  ['RTX PRO 4500 Blackwell', 10_496, 896],
  ['RTX PRO 4000 Blackwell', 8960, 672],
  ['RTX PRO 4000 Blackwell SFF Edition', 8960, 432],
  ['RTX PRO 2000 Blackwell', 4352, 288],
  ['RTX 6000 Ada Generation', 18_176, 960],
  ['RTX 5880 Ada Generation', 14_080, 960],
  ['RTX 5000 Ada Generation', 12_800, 576],
  ['RTX 4500 Ada Generation', 7680, 432],
  ['RTX 4000 Ada Generation', 6144, 360],
  ['RTX 4000 SFF Ada Generation', 6144, 280],
  ['RTX 2000 Ada Generation', 2816, 224],
  ['RTX A6000', 10_752, 768],
  ['RTX A5500', 10_240, 768],
  ['RTX A5000', 8192, 768],
  ['RTX A4500', 7168, 640],
  ['RTX A4000', 6144, 448],
  ['RTX A2000', 3328, 288],
  ['RTX A2000 12GB', 3328, 288],
  ['RTX A1000', 2304, 192],
  ['RTX 8000', 4608, 672],
  ['RTX 6000', 4608, 672],
  ['RTX 5000', 3072, 448],
  ['RTX 4000', 2304, 416],
]

const DATA_CENTRE: readonly Card[] = [
  ['B300 SXM6 AC', 18_944, 8000],
  ['B300', 18_944, 8000],
  ['B200', 18_944, 7700],
  ['GB300', undefined, 8000],
  ['GB200', 19_456, 8000],
  ['GH200 144G HBM3e', 16_896, 4900],
  ['GH200 480GB', 16_896, 4000],
  ['H200', 16_896, 4800],
  ['H200 NVL', 16_896, 4800],
  ['H20-3e', 9984, 4800],
  ['H20', 9984, 4000],
  ['H800', 16_896, 3350],
  ['H800 PCIe', 14_592, 2000],
  ['H100 80GB HBM3', 16_896, 3350],
  ['H100 NVL', 16_896, 3938],
  ['H100 PCIe', 14_592, 2000],
  ['A100-SXM4-80GB', 6912, 2039],
  ['A100 80GB PCIe', 6912, 1935],
  ['A100-SXM4-40GB', 6912, 1555],
  ['A100-PCIE-40GB', 6912, 1555],
  ['A800-SXM4-80GB', 6912, 2039],
  ['A800 80GB PCIe', 6912, 1935],
  ['A800 40GB Active', 6912, 1555],
  ['A40', 10_752, 696],
  ['A30', 3584, 933],
  ['A16', 1280, 200],
  ['A10', 9216, 600],
  ['A10G', undefined, 600],
  ['A2', 1280, 200],
  ['L40S', 18_176, 864],
  ['L40', 18_176, 864],
  ['L20', 11_776, 864],
  ['L4', 7424, 300],
  ['T4', 2560, 320],
  ['V100-SXM2-16GB', 5120, 900],
  ['V100-SXM2-32GB', 5120, 900],
  ['V100-PCIE-16GB', 5120, 900],
  ['V100-PCIE-32GB', 5120, 900],
  ['V100S-PCIE-32GB', 5120, 1134],
  ['P100-PCIE-16GB', 3584, 732],
  ['P100-SXM2-16GB', 3584, 732],
  ['P40', 3840, 346],
  ['P4', 2560, 192],
]

const AMD: readonly Card[] = [
  ['AMD Instinct MI355X', undefined, 8000],
  ['AMD Instinct MI350X', undefined, 8000],
  ['AMD Instinct MI325X', undefined, 6000],
  ['AMD Instinct MI300X', undefined, 5300],
  ['AMD Instinct MI308X', undefined, 5300],
  ['AMD Instinct MI300A', undefined, 5300],
  // Each half is a GPU of its own.
  ['AMD Instinct MI250X', undefined, 1638],
  ['AMD Instinct MI250', undefined, 1638],
  ['AMD Instinct MI210', undefined, 1638],
  ['AMD Instinct MI100', undefined, 1229],
  ['AMD Instinct MI60 / MI50', undefined, 1024],
  ['Radeon AI PRO R9700', undefined, 640],
  ['Radeon PRO W7900', undefined, 864],
  ['Radeon PRO W7800 48GB', undefined, 864],
  ['Radeon PRO W7800', undefined, 576],
  ['Radeon PRO W7700', undefined, 576],
  ['Radeon PRO W6800', undefined, 512],
  ['Radeon RX 9070 XT', undefined, 640],
  ['Radeon RX 9070', undefined, 640],
  ['Radeon RX 9070 GRE', undefined, 432],
  ['Radeon RX 9060 XT', undefined, 320],
  ['Radeon RX 7900 XTX', undefined, 960],
  ['Radeon RX 7900 XT', undefined, 800],
  ['Radeon RX 7900 GRE', undefined, 576],
  ['Radeon RX 7800 XT', undefined, 624],
  ['Radeon RX 7700 XT', undefined, 432],
  ['Radeon RX 7600 XT', undefined, 288],
  ['Radeon RX 7600', undefined, 288],
  ['Radeon RX 6950 XT', undefined, 576],
  ['Radeon RX 6900 XT', undefined, 512],
  ['Radeon RX 6800 XT', undefined, 512],
  ['Radeon RX 6800', undefined, 512],
  ['Radeon RX 6750 XT', undefined, 432],
  ['Radeon RX 6700 XT', undefined, 384],
  ['Radeon RX 6700', undefined, 320],
  ['Radeon RX 6650 XT', undefined, 280],
  ['Radeon RX 6600 XT', undefined, 256],
  ['Radeon RX 6600', undefined, 224],
  ['Radeon VII', undefined, 1024],
  ['Radeon 8060S', undefined, 256],
  ['Radeon 8060S Graphics', undefined, 256],
]

/** Where a chip is made with fewer GPU cores and a narrower memory, the narrower. */
const APPLE: readonly Card[] = [
  ['Apple M1', undefined, 68],
  ['Apple M1 Pro', undefined, 200],
  ['Apple M1 Max', undefined, 400],
  ['Apple M1 Ultra', undefined, 800],
  ['Apple M2', undefined, 100],
  ['Apple M2 Pro', undefined, 200],
  ['Apple M2 Max', undefined, 400],
  ['Apple M2 Ultra', undefined, 800],
  ['Apple M3', undefined, 100],
  ['Apple M3 Pro', undefined, 150],
  ['Apple M3 Max', undefined, 300],
  ['Apple M3 Ultra', undefined, 819],
  ['Apple M4', undefined, 120],
  ['Apple M4 Pro', undefined, 273],
  ['Apple M4 Max', undefined, 410],
  ['Apple M5', undefined, 153],
  ['Apple M5 Pro', undefined, 307],
  ['Apple M5 Max', undefined, 460],
]

/** Their memory is the machine's. */
const UNIFIED: readonly Card[] = [
  ['GB10', 6144, 273],
  ['Thor', 2560, 273],
]

const byName = Map.groupBy(
  [...GEFORCE, ...LAPTOPS, ...WORKSTATION, ...DATA_CENTRE, ...AMD, ...APPLE, ...UNIFIED],
  ([name]) => keyOf(name),
)
const unifiedNames = new Set(UNIFIED.map(([name]) => keyOf(name)))

/** Facts about the card that a driver calls `name`, with `vramMib` of memory of its own. */
export function cardFacts(name: string, vramMib: number | undefined): CardFacts {
  const key = keyOf(name)
  const cards = byName.get(key) ?? []
  const card = cards.length > 1 ? ofSize(cards, vramMib) : cards[0]
  const facts = { cores: card?.[1], bandwidth: card?.[2] }
  return unifiedNames.has(key) ? { ...facts, unified: true } : facts
}

/** Drivers reserve some of the memory, so it is up to one GiB less than the card's. */
const ofSize = (cards: readonly Card[], vramMib: number | undefined): Card | undefined =>
  cards.find(([, , , gib = 0]) => vramMib !== undefined && Math.round(vramMib / 1024) === gib)

/**
 * Names with and without the families that some driver versions leave out, and those that AMD's tools have from the list
 * of PCI devices, such as `Navi 48 [Radeon AI PRO R9700]`.
 */
function keyOf(name: string): string {
  const told = /^[^[]+\[([^\]]+)\]$/.exec(name)?.[1] ?? name
  const words = told.replace(/^(NVIDIA|AMD|Advanced Micro Devices,? Inc\.?)\s+/i, '')
  return words.replace(/^(GeForce|Quadro|Tesla)\s+/i, '').toLowerCase()
}
