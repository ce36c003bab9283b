"""Trains a detector: the same as `keras-ssd train`. See README.md beside this file."""

import sys

from keras_ssd.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
