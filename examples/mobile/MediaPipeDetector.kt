// Finds objects in a bitmap with a .tflite file of keras-ssd, on Android, by MediaPipe Tasks.
// build.gradle: implementation("com.google.mediapipe:tasks-vision:latest.release")

package com.example.ssd

import android.content.Context
import android.graphics.Bitmap
import com.google.mediapipe.framework.image.BitmapImageBuilder
import com.google.mediapipe.tasks.core.BaseOptions
import com.google.mediapipe.tasks.vision.core.RunningMode
import com.google.mediapipe.tasks.vision.objectdetector.ObjectDetector

/** Prints the objects in a bitmap. The file detector.tflite is in the app's assets. */
fun printObjects(context: Context, bitmap: Bitmap) {
    val options = ObjectDetector.ObjectDetectorOptions.builder()
        .setBaseOptions(BaseOptions.builder().setModelAssetPath("detector.tflite").build())
        .setRunningMode(RunningMode.IMAGE)
        .setScoreThreshold(0.4f)
        .build()
    ObjectDetector.createFromOptions(context, options).use { detector ->
        for (found in detector.detect(BitmapImageBuilder(bitmap).build()).detections()) {
            val best = found.categories()[0]
            println("${best.categoryName()} ${best.score()} at ${found.boundingBox()}")
        }
    }
}
