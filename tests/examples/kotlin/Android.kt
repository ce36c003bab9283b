// A stand-in for the part of Android that Detector.kt uses.

package android.graphics

class Bitmap(val width: Int, val height: Int, val colors: IntArray) {
    fun getPixels(to: IntArray, offset: Int, stride: Int, x: Int, y: Int, width: Int, height: Int) {
        check(offset == 0 && stride == width && x == 0 && y == 0 && to.size == colors.size)
        colors.copyInto(to)
    }

    companion object {
        fun createScaledBitmap(from: Bitmap, width: Int, height: Int, filter: Boolean): Bitmap {
            check(filter)
            val colors = IntArray(width * height) {
                val (row, column) = listOf(it / width, it % width)
                from.colors[row * from.height / height * from.width + column * from.width / width]
            }
            return Bitmap(width, height, colors)
        }
    }
}
