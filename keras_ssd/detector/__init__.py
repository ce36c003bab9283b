"""The detector: images in, detections out, in one Keras model."""
