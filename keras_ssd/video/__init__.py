"""Files of videos: reading frames, writing them as H.264, joining parts. It needs PyAV (`av`)."""

from keras_ssd.video.joining import join_parts
from keras_ssd.video.reading import VideoReader
from keras_ssd.video.values import BrokenVideoError, VideoFrame, VideoInfo
from keras_ssd.video.writing import VideoWriter, frames_in_part

__all__ = [
    "BrokenVideoError",
    "VideoFrame",
    "VideoInfo",
    "VideoReader",
    "VideoWriter",
    "frames_in_part",
    "join_parts",
]
