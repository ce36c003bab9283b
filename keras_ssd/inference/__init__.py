"""What every kind of detector does with images, without Keras and TensorFlow."""
