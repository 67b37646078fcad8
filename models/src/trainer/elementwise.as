// The non-linear parts of the model. The exponential is our own polynomial, so that results do not
// depend on the JavaScript engine: WebAssembly arithmetic is exact IEEE 754 everywhere.

/** exp(x) to about 1e-7 relative, on four floats: 2^n times a polynomial on [-ln2/2, ln2/2]. */
// @ts-ignore: decorator
@inline
function exp4(x: v128): v128 {
  x = f32x4.max(f32x4.splat(-87), f32x4.min(f32x4.splat(88), x))
  const n = f32x4.nearest(f32x4.mul(x, f32x4.splat(1.44269504)))
  let r = f32x4.sub(x, f32x4.mul(n, f32x4.splat(0.693359375)))
  r = f32x4.sub(r, f32x4.mul(n, f32x4.splat(-2.12194440e-4)))
  let p = f32x4.splat(1.9875691500e-4)
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.3981999507e-3))
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(8.3334519073e-3))
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(4.1665795894e-2))
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.6666665459e-1))
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(5.0000001201e-1))
  p = f32x4.add(f32x4.add(f32x4.mul(p, f32x4.mul(r, r)), r), f32x4.splat(1))
  const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23)
  return f32x4.mul(p, power)
}

// @ts-ignore: decorator
@inline
function exp1(x: f32): f32 {
  return f32x4.extract_lane(exp4(f32x4.splat(x)), 0)
}

// @ts-ignore: decorator
@inline
function sumLanes(v: v128): f32 {
  return f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3)
}

/** In place: `count` floats become their softmax. */
function softmaxRow(row: usize, count: i32): void {
  let max: f32 = load<f32>(row)
  for (let i: i32 = 1; i < count; i++) max = maximum(max, load<f32>(row + (<usize>i << 2)))
  const shift = f32x4.splat(max)
  const whole = count & ~3
  let sums = f32x4.splat(0)
  for (let i: i32 = 0; i < whole; i += 4) {
    const at = row + (<usize>i << 2)
    const e = exp4(f32x4.sub(v128.load(at), shift))
    v128.store(at, e)
    sums = f32x4.add(sums, e)
  }
  let sum = sumLanes(sums)
  for (let i = whole; i < count; i++) {
    const at = row + (<usize>i << 2)
    const e = exp1(load<f32>(at) - max)
    store<f32>(at, e)
    sum += e
  }
  const inverse: f32 = <f32>1 / sum
  for (let i: i32 = 0; i < count; i++) {
    const at = row + (<usize>i << 2)
    store<f32>(at, load<f32>(at) * inverse)
  }
}

// @ts-ignore: decorator
@inline
function maximum(a: f32, b: f32): f32 {
  return a > b ? a : b
}

/** Square scores [n][n] become attention weights: row t spreads over columns 0..t, the rest is 0. */
export function causalSoftmax(scores: usize, n: i32): void {
  for (let t: i32 = 0; t < n; t++) {
    const row = scores + (<usize>(t * n) << 2)
    softmaxRow(row, t + 1)
    memory.fill(row + (<usize>(t + 1) << 2), 0, <usize>(n - t - 1) << 2)
  }
}

/** Gradient through causalSoftmax: `gradient` [n][n] (of the weights) becomes that of the scores. */
export function causalSoftmaxBackward(weights: usize, gradient: usize, n: i32): void {
  for (let t: i32 = 0; t < n; t++) {
    const p = weights + (<usize>(t * n) << 2)
    const g = gradient + (<usize>(t * n) << 2)
    let dot: f32 = 0
    for (let i: i32 = 0; i <= t; i++) {
      dot += load<f32>(p + (<usize>i << 2)) * load<f32>(g + (<usize>i << 2))
    }
    for (let i: i32 = 0; i <= t; i++) {
      const at = g + (<usize>i << 2)
      store<f32>(at, load<f32>(p + (<usize>i << 2)) * (load<f32>(at) - dot))
    }
    memory.fill(g + (<usize>(t + 1) << 2), 0, <usize>(n - t - 1) << 2)
  }
}

/** out = silu(gate) * up. `count` is a multiple of 4. */
export function swiGlu(gate: usize, up: usize, out: usize, count: i32): void {
  const one = f32x4.splat(1)
  for (let i: i32 = 0; i < count; i += 4) {
    const at = <usize>i << 2
    const g = v128.load(gate + at)
    const sigmoid = f32x4.div(one, f32x4.add(one, exp4(f32x4.neg(g))))
    v128.store(out + at, f32x4.mul(f32x4.mul(g, sigmoid), v128.load(up + at)))
  }
}

/** From `gradient` (of swiGlu's output): those of gate (in place of `gradient`) and up. */
export function swiGluBackward(gate: usize, up: usize, gradient: usize, upGradient: usize, count: i32): void {
  const one = f32x4.splat(1)
  for (let i: i32 = 0; i < count; i += 4) {
    const at = <usize>i << 2
    const g = v128.load(gate + at)
    const d = v128.load(gradient + at)
    const s = f32x4.div(one, f32x4.add(one, exp4(f32x4.neg(g))))
    const slope = f32x4.mul(s, f32x4.add(one, f32x4.mul(g, f32x4.sub(one, s))))
    v128.store(upGradient + at, f32x4.mul(d, f32x4.mul(g, s)))
    v128.store(gradient + at, f32x4.mul(f32x4.mul(d, v128.load(up + at)), slope))
  }
}

/**
 * Softmax cross-entropy over `rows` rows of `width` logits. Writes the probability of each target to
 * `likelihood` and turns the logits into the gradient of the mean loss.
 */
export function crossEntropy(logits: usize, targets: usize, likelihood: usize, rows: i32, width: i32): void {
  const scale: f32 = <f32>1 / <f32>rows
  for (let r: i32 = 0; r < rows; r++) {
    const row = logits + (<usize>(r * width) << 2)
    softmaxRow(row, width)
    const target = row + (<usize>load<i32>(targets + (<usize>r << 2)) << 2)
    const probability = load<f32>(target)
    store<f32>(likelihood + (<usize>r << 2), probability)
    store<f32>(target, probability - 1)
    for (let i: i32 = 0; i < width; i++) {
      const at = row + (<usize>i << 2)
      store<f32>(at, load<f32>(at) * scale)
    }
  }
}

/** Sum of squares in double precision. */
export function sumSquares(values: usize, count: i32): f64 {
  let sum: f64 = 0
  for (let i: i32 = 0; i < count; i++) {
    const x = <f64>load<f32>(values + (<usize>i << 2))
    sum += x * x
  }
  return sum
}

/** One AdamW update of `count` parameters. `clip` scales the gradient, the corrections undo warm-up bias. */
export function adamW(
  parameters: usize, gradients: usize, mean: usize, square: usize, count: i32,
  rate: f32, decay: f32, beta1: f32, beta2: f32, correction1: f32, correction2: f32, clip: f32,
): void {
  for (let i: i32 = 0; i < count; i++) {
    const at = <usize>i << 2
    const g = load<f32>(gradients + at) * clip
    const m = beta1 * load<f32>(mean + at) + (1 - beta1) * g
    const v = beta2 * load<f32>(square + at) + (1 - beta2) * g * g
    store<f32>(mean + at, m)
    store<f32>(square + at, v)
    const p = load<f32>(parameters + at)
    const step = (m * correction1) / (sqrt<f32>(v * correction2) + 1e-8)
    store<f32>(parameters + at, p - rate * (step + decay * p))
  }
}
