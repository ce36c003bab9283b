"""Encoded images to a network's input within a TensorFlow graph, where a bad one raises nothing."""

import tensorflow as tf

MAX_PIXELS = 100_000_000  # one image decoded takes three bytes each

_PNG_START = b"\x89PNG\r\n\x1a\n"
_JPEG_START = b"\xff\xd8\xff"
# EXIF's entry of the orientation: tag, type and count; its value, 1 to 8, stands right behind, in
# the lower of two bytes. Little endian, then big endian.
_ORIENTATION = (b"\x12\x01\x03\x00\x01\x00\x00\x00", b"\x01\x12\x00\x03\x00\x00\x00\x01")
_HEADER = 1 << 16  # EXIF comes first, in a segment of at most this many bytes


def decode_images(encoded, image_size):
    """Decodes JPEG and PNG images and warps them to one size, bilinear, as a detector does.

    As `keras_ssd.images.decode_image`: grayscale and CMYK become RGB, transparency is dropped, 16
    bits become 8, the EXIF orientation is applied, an image that is cut off is bad. Other formats,
    and images of more than MAX_PIXELS by their headers, are bad too.

    Args:
        encoded: string (B,), B at least 1.
        image_size: S, in pixels.

    Returns:
        float32 (B, S, S, 3), RGB in 0..255, and int32 (B, 2), height and width as decoded. A bad
        image is black and of size (0, 0).
    """
    blank = tf.zeros((image_size, image_size, 3)), tf.zeros((2,), tf.int32)

    def decoded_or_blank(image):
        # The errors of operations end a run; those of a data set's elements can be left out.
        decoded = tf.data.Dataset.from_tensors(image).map(lambda x: _decode(x, image_size))
        return decoded.ignore_errors().concatenate(tf.data.Dataset.from_tensors(blank)).take(1)

    images = tf.data.Dataset.from_tensor_slices(encoded).flat_map(decoded_or_blank)
    return images.batch(tf.size(encoded, out_type=tf.int64)).get_single_element()


def _decode(encoded, image_size):
    with tf.control_dependencies([_check_header(encoded)]):
        # The operation decodes PNG as well. OpenCV decodes as accurately.
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
    """An operation that fails unless it is a JPEG or PNG whose header names a size to decode."""

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
