/**
 * TensorFlow.js as the trainer uses it: the core's operations with their gradients. The core alone cannot differentiate
 * a sum; the gradients come with tfjs-layers, the smallest package that registers them (31 MB unpacked against 220 MB of
 * the union package with its browser backends). Import `tf` from here, never from the core.
 */
import '@tensorflow/tfjs-layers'

export * from '@tensorflow/tfjs-core'
