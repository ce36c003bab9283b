"""Files of videos: reading frames, writing them as H.264, joining parts. It needs PyAV (`av`)."""

from keras_ssd.video.reading import VideoReader
from keras_ssd.video.values import BrokenVideoError, VideoFrame, VideoInfo

__all__ = ["BrokenVideoError", "VideoFrame", "VideoInfo", "VideoReader"]
