"""The client: the one door.

`wiring` makes the rooms for one account and closes them, `single` sends one message,
and `client` is all that a user holds.
"""
