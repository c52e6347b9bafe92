"""A deterministic simulation: the real client, the emulator, and all that goes wrong.

Client and emulator are joined by a network in memory, in virtual time. One seed
draws the messages, the user's behaviour, the delays and every fault; the same
seed takes the same steps. `python -m tests.promises.simulation --seeds 2000` prints
figures, and names the seed and the steps of whatever breaks a promise.

What is promised of the pace, and checked: on every path no more than 5 requests
*leave* in any second of one process; where each way takes 5 to 60 ms, with faults
and all, the service also *counts* no more. On wild paths, where a request may be
under way for seconds, it may count more, and its 429s are part of the run.

What is believed: that the API's own refusals are true, whoever sends their like;
so gateways answer here with pages and with statuses the API does not refuse by.
And that an answer to a question nobody asked comes before the next is asked:
after it, nobody could tell it from the true one.
"""
