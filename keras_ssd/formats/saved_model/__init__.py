"""TensorFlow's SavedModel: folders."""
