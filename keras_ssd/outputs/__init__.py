"""What a run of detection leaves in its folder: pictures, films, result files and a journal."""

from keras_ssd.outputs.detecting import detect_to_folder

__all__ = ["detect_to_folder"]
