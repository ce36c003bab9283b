// Finds objects in a bitmap with a .tflite file of keras-ssd, on Android, by LiteRT.
// build.gradle: implementation("com.google.ai.edge.litert:litert:1.+")

package com.example.ssd

import android.graphics.Bitmap
import java.nio.ByteBuffer
import java.nio.ByteOrder
import org.tensorflow.lite.Interpreter

/** An object: its class, its score, and the corners of its box in pixels of the bitmap. */
data class Detection(
    val label: String,
    val score: Float,
    val left: Float,
    val top: Float,
    val right: Float,
    val bottom: Float
)

/**
 * Runs a file that was exported with `--nms`.
 *
 * @param model the file, in a direct ByteBuffer, such as one that FileUtil or FileChannel maps.
 * @param labels the lines of labels.txt.
 */
class Detector(model: ByteBuffer, private val labels: List<String>) {
    private val interpreter = Interpreter(model, Interpreter.Options().setNumThreads(2))
    private val size = interpreter.getInputTensor(0).shape()[1]
    private val limit = interpreter.getOutputTensor(0).shape()[1]

    fun detect(bitmap: Bitmap, lowestScore: Float = 0.4f): List<Detection> {
        val boxes = Array(1) { Array(limit) { FloatArray(4) } } // top, left, bottom, right
        val classes = Array(1) { FloatArray(limit) }
        val scores = Array(1) { FloatArray(limit) }
        val count = FloatArray(1)
        val outputs = mutableMapOf<Int, Any>(0 to boxes, 1 to classes, 2 to scores, 3 to count)
        interpreter.runForMultipleInputsOutputs(arrayOf<Any>(warp(bitmap)), outputs)
        return (0 until count[0].toInt())
            .filter { scores[0][it] >= lowestScore }
            .map {
                val (top, left, bottom, right) = boxes[0][it]
                Detection(
                    labels[classes[0][it].toInt()],
                    scores[0][it],
                    left * bitmap.width,
                    top * bitmap.height,
                    right * bitmap.width,
                    bottom * bitmap.height
                )
            }
    }

    fun close() = interpreter.close()

    /** Warps the bitmap to the size of the network, as bytes of red, green and blue. */
    private fun warp(bitmap: Bitmap): ByteBuffer {
        val colors = IntArray(size * size)
        Bitmap.createScaledBitmap(bitmap, size, size, true)
            .getPixels(colors, 0, size, 0, 0, size, size)
        val bytes = ByteBuffer.allocateDirect(3 * size * size).order(ByteOrder.nativeOrder())
        for (color in colors) {
            bytes.put((color shr 16).toByte()).put((color shr 8).toByte()).put(color.toByte())
        }
        bytes.rewind()
        return bytes
    }
}
