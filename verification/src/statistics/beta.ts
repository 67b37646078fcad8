/** Lanczos's coefficients for g = 7: ln Γ to 1e-13 (Press et al., Numerical Recipes, 6.1). */
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313,
  -176.61502916214059, 12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6,
  1.5056327351493116e-7,
] as const
const LANCZOS_G = 7

/** The continued fraction needs about √max(a, b) steps; 1e8 samples stay below this. */
const MAX_STEPS = 20_000
const PRECISION = 1e-15
/** Halvings of [0, 1] until doubles are exhausted, also close to 0. */
const MAX_HALVINGS = 200

/**
 * The quantile of Beta(a, b): the x with I_x(a, b) = p, for a, b > 0 and 0 <= p <= 1. Bisection:
 * slower than Newton's method, but nothing in it can diverge, and nobody waits for it.
 */
export function betaQuantile(p: number, a: number, b: number): number {
  let low = 0
  let high = 1
  for (let step = 0; step < MAX_HALVINGS; step++) {
    const middle = (low + high) / 2
    if (middle === low || middle === high) break
    if (regularizedBeta(middle, a, b) < p) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** I_x(a, b), the distribution function of Beta(a, b): probability that a draw is at most x. */
export function regularizedBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0
  if (x >= 1) return 1
  // The fraction converges quickly only left of the mean; I_x(a, b) = 1 - I_{1-x}(b, a).
  if (x > (a + 1) / (a + b + 2)) return 1 - regularizedBeta(1 - x, b, a)
  const logFront =
    a * Math.log(x) + b * Math.log1p(-x) + logGamma(a + b) - logGamma(a) - logGamma(b)
  return (Math.exp(logFront) / a) * betaFraction(x, a, b)
}

/** The continued fraction of I_x(a, b), evaluated from the front by Lentz's method. */
function betaFraction(x: number, a: number, b: number): number {
  let numerator = 1
  let denominator = 1 / awayFromZero(1 - ((a + b) * x) / (a + 1))
  let value = denominator
  for (let m = 1; m <= MAX_STEPS; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    let factor = 1
    for (const term of [even, odd]) {
      denominator = 1 / awayFromZero(1 + term * denominator)
      numerator = awayFromZero(1 + term / numerator)
      factor = denominator * numerator
      value *= factor
    }
    if (Math.abs(factor - 1) < PRECISION) break
  }
  return value
}

function awayFromZero(value: number): number {
  return Math.abs(value) < Number.MIN_VALUE ? Number.MIN_VALUE : value
}

/** ln Γ(x), x > 0. */
function logGamma(x: number): number {
  // Γ(x) Γ(1 - x) = π / sin(πx): the series is for the right half.
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x)
  const shifted = x - 1
  const sum = LANCZOS.reduce((total, c, i) => (i === 0 ? c : total + c / (shifted + i)), 0)
  const t = shifted + LANCZOS_G + 0.5
  return Math.log(2 * Math.PI) / 2 + (shifted + 0.5) * Math.log(t) - t + Math.log(sum)
}
