"""Decodes images in a TensorFlow graph, without an error at an image that cannot be decoded."""

import tensorflow as tf

from keras_ssd.images import MAX_PIXELS

_PNG_START = b"\x89PNG\r\n\x1a\n"
_JPEG_START = b"\xff\xd8\xff"
# The first bytes of EXIF's entry for the orientation (tag, type, count), in little endian and big
# endian. The next two bytes are the value, 1 to 8.
_ORIENTATION = (b"\x12\x01\x03\x00\x01\x00\x00\x00", b"\x01\x12\x00\x03\x00\x00\x00\x01")
_HEADER = 1 << 16  # EXIF comes first, in a segment of at most this many bytes


def decode_images(encoded: tf.Tensor, image_size: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Decodes JPEG and PNG images and warps them to one size, bilinear, as a detector does.

    The rules are those of `keras_ssd.images.decode_image`: grayscale and CMYK become RGB,
    transparency is dropped, 16 bits become 8, and the EXIF orientation is applied. An image is bad
    if it is cut off, has another format, or has more than MAX_PIXELS in its header.

    Args:
        encoded: the encoded images, string (B,), at least one.
        image_size: S, the side of the network's input in pixels.

    Returns:
        The images, float32 (B, S, S, 3), RGB in 0..255; and the height and width of each decoded
        image, int32 (B, 2). A bad image is black and has the size (0, 0).
    """
    blank = tf.zeros((image_size, image_size, 3)), tf.zeros((2,), tf.int32)

    def decoded_or_blank(image):
        # An error of an operation ends the run, but a data set can leave out elements with errors.
        decoded = tf.data.Dataset.from_tensors(image).map(lambda x: _decode(x, image_size))
        return decoded.ignore_errors().concatenate(tf.data.Dataset.from_tensors(blank)).take(1)

    images = tf.data.Dataset.from_tensor_slices(encoded).flat_map(decoded_or_blank)
    return images.batch(tf.size(encoded, out_type=tf.int64)).get_single_element()


def _decode(encoded, image_size):
    with tf.control_dependencies([_check_header(encoded)]):
        # The operation also decodes PNG. Its method is as accurate as OpenCV's.
        image = tf.io.decode_jpeg(encoded, channels=3, dct_method="INTEGER_ACCURATE")
    size = tf.shape(image)[:2]
    image = tf.image.resize(image, (image_size, image_size))
    orientation = _orientation(encoded)
    sideways = _is_any(orientation, (5, 6, 7, 8))
    image = tf.where(sideways, tf.transpose(image, (1, 0, 2)), image)
    image = tf.where(_is_any(orientation, (2, 3, 6, 7)), image[:, ::-1], image)
    image = tf.where(_is_any(orientation, (3, 4, 7, 8)), image[::-1], image)
    image = tf.ensure_shape(image, (image_size, image_size, 3))
    return image, tf.where(sideways, size[::-1], size)


def _check_header(encoded):
    """Returns an operation that fails unless a JPEG or PNG header states at most MAX_PIXELS."""

    def png_size():
        header = tf.strings.substr(encoded, 16, 8)
        width_height = tf.io.decode_raw(header, tf.int32, little_endian=False)
        return tf.ensure_shape(width_height, (2,))

    def jpeg_size():
        start = tf.strings.substr(encoded, 0, len(_JPEG_START))
        with tf.control_dependencies([tf.debugging.assert_equal(start, _JPEG_START)]):
            return tf.io.extract_jpeg_shape(encoded)[:2]

    is_png = tf.strings.substr(encoded, 0, len(_PNG_START)) == _PNG_START
    sides = tf.cast(tf.cond(is_png, png_size, jpeg_size), tf.int64)
    return tf.debugging.assert_less_equal(tf.reduce_prod(sides), tf.constant(MAX_PIXELS, tf.int64))


def _orientation(encoded):
    header = tf.strings.substr(encoded, 0, _HEADER)
    little, big = (tf.strings.split(header, entry, maxsplit=1)[1:] for entry in _ORIENTATION)
    values = [tf.strings.substr(little, 0, 1), tf.strings.substr(big, 1, 1), [b"\x01"]]
    return tf.io.decode_raw(tf.concat(values, axis=0)[0], tf.uint8)[0]


def _is_any(value, values):
    return tf.reduce_any(value == tf.constant(values, value.dtype))
