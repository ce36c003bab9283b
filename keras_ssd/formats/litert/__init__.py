"""LiteRT (TensorFlow Lite): `.tflite` files."""
