"""One message on its way: the one room that waits."""
