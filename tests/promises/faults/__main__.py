"""Print the table: `python -m tests.promises.faults`. Exit 1 if a verdict is wrong."""

import logging
import sys

from tests.promises.faults.cases import CASES
from tests.promises.faults.table import is_clean, write_table

if __name__ == "__main__":
    logging.disable()  # what the client would log stands in the table
    sys.stdout.write(write_table(CASES))
    sys.exit(not is_clean(CASES))
