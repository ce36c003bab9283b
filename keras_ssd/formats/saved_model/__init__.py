"""TensorFlow's SavedModel: a folder that TensorFlow and TensorFlow Serving run without Keras."""
