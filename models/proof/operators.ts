/**
 * Operators that a text classifier may consist of. What is not here is refused: an operator of a domain of its own would be
 * code that nobody has looked at.
 *
 * @see https://onnx.ai/onnx/operators/ (opset 23)
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
 */
const known: Readonly<Record<string, ReadonlySet<string>>> = {
  '': words(`
    Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh Attention AveragePool BatchNormalization BitShift BitwiseAnd
    BitwiseNot BitwiseOr BitwiseXor Cast CastLike Ceil Celu CenterCropPad Clip Compress Concat ConcatFromSequence Constant
    ConstantOfShape Conv ConvInteger ConvTranspose Cos Cosh CumSum DepthToSpace DequantizeLinear Det Div Dropout
    DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand EyeLike Flatten Floor GRU Gather GatherElements GatherND Gelu Gemm
    GlobalAveragePool GlobalLpPool GlobalMaxPool Greater GreaterOrEqual GroupNormalization HardSigmoid HardSwish Hardmax
    Identity If InstanceNormalization IsInf IsNaN LRN LSTM LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax
    LpNormalization LpPool MatMul MatMulInteger Max MaxPool MaxUnpool Mean MeanVarianceNormalization Min Mish Mod Mul Neg
    NonZero Not OneHot Optional OptionalGetElement OptionalHasElement Or PRelu Pad Pow QLinearConv QLinearMatMul
    QuantizeLinear RMSNormalization RNN Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean
    ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape ReverseSequence RotaryEmbedding Round ScatterElements
    ScatterND Selu SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength Shape Shrink
    Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign SpaceToDepth Split SplitToSequence Sqrt Squeeze Sub Sum Swish
    Tan Tanh ThresholdedRelu Tile TopK Transpose Trilu Unique Unsqueeze Upsample Where Xor`),
  'com.microsoft': words(`
    Attention BiasAdd BiasDropout BiasGelu BiasSoftmax BiasSplitGelu DequantizeLinear DynamicQuantizeMatMul
    EmbedLayerNormalization FastGelu FusedConv FusedGemm FusedMatMul FusedMatMulActivation GatherBlockQuantized Gelu
    GroupQueryAttention MatMulBnb4 MatMulInteger16 MatMulIntegerToFloat MatMulNBits MultiHeadAttention NhwcMaxPool
    PackedAttention PackedMultiHeadAttention QAttention QEmbedLayerNormalization QGemm QLinearAdd QLinearMul
    QLinearSigmoid QLinearSoftmax QMoE QuantizeLinear QuickGelu RemovePadding RestorePadding RotaryEmbedding
    SimplifiedLayerNormalization SkipLayerNormalization SkipSimplifiedLayerNormalization TransposeMatMul Trilu`),
}

/** Why some that onnxruntime knows are refused all the same. */
const refused: Readonly<Record<string, string>> = {
  ...reason('a loop: how long a run takes would depend on the text, without a bound', 'Loop Scan'),
  ...reason(
    'random: a post would have another score each time',
    'Bernoulli Multinomial RandomNormal RandomNormalLike RandomUniform RandomUniformLike',
  ),
}

/** @returns why a node of this kind is not run, or `undefined` when it may be */
export function whyNotRun(domain: string, op: string): string | undefined {
  const space = domain === 'ai.onnx' ? '' : domain
  const operators = Object.hasOwn(known, space) ? known[space] : undefined
  if (operators?.has(op) === true) return undefined
  if (space === '' && Object.hasOwn(refused, op)) return `its operator ${op} is ${refused[op]}`
  if (operators === undefined) return `its operator ${op} is of the domain ${space}, which is unknown here`
  return `its operator ${space === '' ? '' : `${space}:`}${op} is not one of those that text classifiers need`
}

function words(list: string): ReadonlySet<string> {
  return new Set(list.trim().split(/\s+/))
}

function reason(why: string, operators: string): Record<string, string> {
  return Object.fromEntries(operators.split(' ').map((operator) => [operator, why]))
}
