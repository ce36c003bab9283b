"""Measures a detector: the same as `keras-ssd evaluate`. See README.md beside this file."""

import sys

from keras_ssd.cli import main

if __name__ == "__main__":
    sys.exit(main(["evaluate", *sys.argv[1:]]))
