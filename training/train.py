"""Trains a detector, as `keras-ssd train` does; README.md in this folder has examples."""

import sys

from keras_ssd.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
