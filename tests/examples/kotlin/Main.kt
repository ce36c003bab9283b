// Prints what Detector.kt finds in colors.bin, a bitmap of 640 x 640 ARGB colors.

package com.example.ssd

import android.graphics.Bitmap
import java.io.File
import java.nio.ByteBuffer

fun main() {
    val colors = IntArray(640 * 640)
    ByteBuffer.wrap(File("colors.bin").readBytes()).asIntBuffer().get(colors)
    val detector = Detector(ByteBuffer.allocateDirect(1), File("labels.txt").readLines())
    for (found in detector.detect(Bitmap(640, 640, colors))) {
        println(found.run { listOf(label, score, left, top, right, bottom).joinToString(" ") })
    }
    detector.close()
}
