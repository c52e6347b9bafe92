"""The client: the one door. It wires the rooms, and owns what must be closed."""
