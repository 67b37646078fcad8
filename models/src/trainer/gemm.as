// Matrix product C = alpha * A * B (+ C) in 128-bit SIMD. A, B and C are addressed by row and column
// strides (in floats), so a transpose costs nothing. B is copied once into panels of 8 columns and A
// into strips of 4 rows, which makes the innermost loop read memory strictly forward.

const ROWS: i32 = 4
const COLUMNS: i32 = 8

export function gemm(
  m: i32, n: i32, k: i32,
  a: usize, aRow: i32, aColumn: i32,
  b: usize, bRow: i32, bColumn: i32,
  c: usize, cRow: i32,
  alpha: f32, accumulate: bool,
  work: usize,
): void {
  const strip = work
  const panels = work + (<usize>(k * ROWS) << 2)
  for (let j: i32 = 0; j < n; j += COLUMNS) {
    packPanel(panels + (<usize>(j * k) << 2), b + (<usize>(j * bColumn) << 2), k, min(COLUMNS, n - j), bRow, bColumn)
  }
  for (let i: i32 = 0; i < m; i += ROWS) {
    const rows = min(ROWS, m - i)
    packStrip(strip, a + (<usize>(i * aRow) << 2), k, rows, aRow, aColumn)
    for (let j: i32 = 0; j < n; j += COLUMNS) {
      const at = c + (<usize>(i * cRow + j) << 2)
      tile(strip, panels + (<usize>(j * k) << 2), k, at, <usize>cRow << 2, rows, min(COLUMNS, n - j), alpha, accumulate)
    }
  }
}

/** Copies up to 8 columns of B row by row; missing columns become zero. */
function packPanel(out: usize, b: usize, k: i32, columns: i32, row: i32, column: i32): void {
  const rowBytes = <usize>row << 2
  const columnBytes = <usize>column << 2
  if (columns == COLUMNS && column == 1) {
    for (let p: i32 = 0; p < k; p++) {
      v128.store(out, v128.load(b))
      v128.store(out, v128.load(b, 16), 16)
      out += 32
      b += rowBytes
    }
    return
  }
  for (let p: i32 = 0; p < k; p++) {
    let from = b
    for (let j: i32 = 0; j < COLUMNS; j++) {
      store<f32>(out, j < columns ? load<f32>(from) : 0)
      out += 4
      from += columnBytes
    }
    b += rowBytes
  }
}

/** Copies up to 4 rows of A column by column; missing rows become zero. */
function packStrip(out: usize, a: usize, k: i32, rows: i32, row: i32, column: i32): void {
  const rowBytes = <usize>row << 2
  const columnBytes = <usize>column << 2
  if (rows == ROWS && row == 1) {
    for (let p: i32 = 0; p < k; p++) {
      v128.store(out, v128.load(a))
      out += 16
      a += columnBytes
    }
    return
  }
  for (let p: i32 = 0; p < k; p++) {
    let from = a
    for (let i: i32 = 0; i < ROWS; i++) {
      store<f32>(out, i < rows ? load<f32>(from) : 0)
      out += 4
      from += rowBytes
    }
    a += columnBytes
  }
}

/** One 4 by 8 tile of C, summed in eight registers. */
function tile(
  strip: usize, panel: usize, k: i32,
  c: usize, rowBytes: usize, rows: i32, columns: i32,
  alpha: f32, accumulate: bool,
): void {
  let s00 = f32x4.splat(0), s01 = f32x4.splat(0)
  let s10 = f32x4.splat(0), s11 = f32x4.splat(0)
  let s20 = f32x4.splat(0), s21 = f32x4.splat(0)
  let s30 = f32x4.splat(0), s31 = f32x4.splat(0)
  const end = panel + (<usize>(k * COLUMNS) << 2)
  while (panel < end) {
    const b0 = v128.load(panel), b1 = v128.load(panel, 16)
    let x = v128.load_splat<f32>(strip)
    s00 = f32x4.add(s00, f32x4.mul(x, b0))
    s01 = f32x4.add(s01, f32x4.mul(x, b1))
    x = v128.load_splat<f32>(strip, 4)
    s10 = f32x4.add(s10, f32x4.mul(x, b0))
    s11 = f32x4.add(s11, f32x4.mul(x, b1))
    x = v128.load_splat<f32>(strip, 8)
    s20 = f32x4.add(s20, f32x4.mul(x, b0))
    s21 = f32x4.add(s21, f32x4.mul(x, b1))
    x = v128.load_splat<f32>(strip, 12)
    s30 = f32x4.add(s30, f32x4.mul(x, b0))
    s31 = f32x4.add(s31, f32x4.mul(x, b1))
    panel += 32
    strip += 16
  }
  storeRow(c, s00, s01, columns, alpha, accumulate)
  if (rows > 1) storeRow(c + rowBytes, s10, s11, columns, alpha, accumulate)
  if (rows > 2) storeRow(c + 2 * rowBytes, s20, s21, columns, alpha, accumulate)
  if (rows > 3) storeRow(c + 3 * rowBytes, s30, s31, columns, alpha, accumulate)
}

// @ts-ignore: decorator
@inline
function storeRow(c: usize, low: v128, high: v128, columns: i32, alpha: f32, accumulate: bool): void {
  const scale = f32x4.splat(alpha)
  low = f32x4.mul(low, scale)
  high = f32x4.mul(high, scale)
  if (columns == COLUMNS) {
    if (accumulate) {
      low = f32x4.add(low, v128.load(c))
      high = f32x4.add(high, v128.load(c, 16))
    }
    v128.store(c, low)
    v128.store(c, high, 16)
    return
  }
  const spill = memory.data(32)
  v128.store(spill, low)
  v128.store(spill, high, 16)
  for (let j: i32 = 0; j < columns; j++) {
    const at = c + (<usize>j << 2)
    const value = load<f32>(spill + (<usize>j << 2))
    store<f32>(at, accumulate ? load<f32>(at) + value : value)
  }
}
