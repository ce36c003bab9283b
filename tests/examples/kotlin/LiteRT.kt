// A stand-in for LiteRT that checks that it gets input.bin, and gives the tensors in outputs.bin.

package org.tensorflow.lite

import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder

class Interpreter(model: ByteBuffer, options: Options) {
    class Options {
        fun setNumThreads(count: Int) = this
    }

    class Tensor(private val shape: IntArray) {
        fun shape() = shape
    }

    init {
        check(model.isDirect)
    }

    fun getInputTensor(index: Int) = Tensor(intArrayOf(1, 320, 320, 3))

    fun getOutputTensor(index: Int) = Tensor(intArrayOf(1, 100, 4).copyOf(3 - (index + 1) / 2))

    fun close() = Unit

    @Suppress("UNCHECKED_CAST")
    fun runForMultipleInputsOutputs(inputs: Array<Any>, outputs: Map<Int, Any>) {
        val input = inputs.single() as ByteBuffer
        check(input.isDirect && input.remaining() == 3 * 320 * 320)
        check(input == ByteBuffer.wrap(File("input.bin").readBytes()))
        val floats = ByteBuffer.wrap(File("outputs.bin").readBytes()).order(ByteOrder.LITTLE_ENDIAN)
        for (box in (outputs[0] as Array<Array<FloatArray>>)[0]) {
            for (corner in box.indices) box[corner] = floats.float
        }
        for (index in 1..2) {
            val values = (outputs[index] as Array<FloatArray>)[0]
            for (row in values.indices) values[row] = floats.float
        }
        (outputs[3] as FloatArray)[0] = floats.float
        check(!floats.hasRemaining())
    }
}
