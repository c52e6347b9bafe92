"""Print the table of faults: `python -m tests.faults`. Exit 1 if a verdict is wrong."""

import logging
import sys

from tests.faults.cases import CASES
from tests.faults.table import is_clean, write_table

if __name__ == "__main__":
    logging.disable()  # what the client would log stands in the table
    sys.stdout.write(write_table(CASES))
    sys.exit(not is_clean(CASES))
