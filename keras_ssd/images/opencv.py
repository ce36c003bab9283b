"""OpenCV, imported in one place, so that a missing system library is explained in one place."""

try:
    import cv2
except ImportError as error:
    raise ImportError(
        f"OpenCV cannot be imported ({error}). If a library of the system is missing, such as "
        "libGL.so.1, either install it (on Debian and Ubuntu: apt-get install libgl1 "
        "libglib2.0-0), or install an OpenCV that opens no windows and does not need it: "
        "pip uninstall opencv-python, then pip install opencv-python-headless"
    ) from error

__all__ = ["cv2"]
