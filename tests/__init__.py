"""The tests, which rewrite and compile what they run once, and not in each process.

Containers often ask for no compiled files. Then each process would rewrite the asserts
of all tests, in 5 seconds, and each command that a test starts compile what it runs.
"""

import os
import sys

sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
