"""`python -m keras_ssd.cli`, the same as `keras-ssd`."""

import sys

from keras_ssd.cli import main

sys.exit(main())
