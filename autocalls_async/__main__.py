"""`python -m autocalls_async` is the command `autocalls`."""

import sys

from autocalls_async.cli import main

if __name__ == "__main__":
    sys.exit(main())
