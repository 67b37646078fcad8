export { gemm } from './gemm'
export { adamW, causalSoftmax, causalSoftmaxBackward, crossEntropy, sumSquares, swiGlu, swiGluBackward } from './elementwise'
