"""ONNX: `.onnx` files."""
