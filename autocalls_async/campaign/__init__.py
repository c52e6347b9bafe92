"""Many messages: a run, its plan, its report."""
