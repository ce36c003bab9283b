// Finds objects in an image with a .tflite file of keras-ssd, on iOS, by LiteRT.
// Podfile: pod 'TensorFlowLiteSwift'

import TensorFlowLite
import UIKit

/// An object: its class, its score, and its box in pixels of the image.
struct Detection {
    let label: String
    let score: Float
    let box: CGRect
}

/// Runs a file that was exported with `--nms`.
final class Detector {
    private let interpreter: Interpreter
    private let labels: [String]
    private let size: Int

    /// - Parameters:
    ///   - modelPath: the path of the file.
    ///   - labels: the lines of labels.txt.
    init(modelPath: String, labels: [String]) throws {
        interpreter = try Interpreter(modelPath: modelPath)
        try interpreter.allocateTensors()
        size = try interpreter.input(at: 0).shape.dimensions[1]
        self.labels = labels
    }

    func detect(_ image: CGImage, lowestScore: Float = 0.4) throws -> [Detection] {
        try interpreter.copy(warp(image), toInputAt: 0)
        try interpreter.invoke()
        let boxes = try floats(at: 0)  // top, left, bottom, right of each object
        let classes = try floats(at: 1)
        let scores = try floats(at: 2)
        let count = try floats(at: 3)[0]
        let width = CGFloat(image.width)
        let height = CGFloat(image.height)
        return (0..<Int(count)).filter { scores[$0] >= lowestScore }.map { index in
            let corners = boxes[4 * index..<4 * index + 4].map { CGFloat($0) }
            let box = CGRect(
                x: corners[1] * width,
                y: corners[0] * height,
                width: (corners[3] - corners[1]) * width,
                height: (corners[2] - corners[0]) * height
            )
            let label = labels[Int(classes[index])]
            return Detection(label: label, score: scores[index], box: box)
        }
    }

    private func floats(at index: Int) throws -> [Float] {
        try interpreter.output(at: index).data.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    }

    /// Warps the image to the size of the network, as bytes of red, green and blue.
    private func warp(_ image: CGImage) -> Data {
        var pixels = [UInt8](repeating: 0, count: 4 * size * size)  // with a fourth byte, unused
        let context = CGContext(
            data: &pixels,
            width: size,
            height: size,
            bitsPerComponent: 8,
            bytesPerRow: 4 * size,
            space: CGColorSpaceCreateDeviceRGB(),
            bitmapInfo: CGImageAlphaInfo.noneSkipLast.rawValue
        )
        context?.draw(image, in: CGRect(x: 0, y: 0, width: size, height: size))
        var bytes = Data(capacity: 3 * size * size)
        for start in stride(from: 0, to: pixels.count, by: 4) {
            bytes.append(contentsOf: pixels[start..<start + 3])
        }
        return bytes
    }
}
