"""Measures a detector, as `keras-ssd evaluate` does; README.md in this folder has examples."""

import sys

from keras_ssd.cli import main

if __name__ == "__main__":
    sys.exit(main(["evaluate", *sys.argv[1:]]))
