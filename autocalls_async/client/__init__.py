"""The client: the one door.

`wiring` makes the rooms for one account and closes them. `questions` sends nothing,
`single` one message, `campaigns` many, and `client` is all that a user holds.
"""
