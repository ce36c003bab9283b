// Finds objects in an image with a .tflite file of keras-ssd, on iOS, by MediaPipe Tasks.
// Podfile: pod 'MediaPipeTasksVision'

import MediaPipeTasksVision
import UIKit

/// Prints the objects in an image. The file detector.tflite is in the app's bundle.
func printObjects(in image: UIImage) throws {
    let options = ObjectDetectorOptions()
    options.baseOptions.modelAssetPath = Bundle.main.path(forResource: "detector", ofType: "tflite")!
    options.runningMode = .image
    options.scoreThreshold = 0.4
    let detector = try ObjectDetector(options: options)
    for found in try detector.detect(image: MPImage(uiImage: image)).detections {
        let best = found.categories[0]
        print(best.categoryName ?? "?", best.score, "at", found.boundingBox)
    }
}
