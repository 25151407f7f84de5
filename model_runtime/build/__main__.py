"""`python -m model_runtime.build`."""

import sys

from model_runtime.build.run import main

if __name__ == "__main__":
    sys.exit(main())
