"""Why a place did not give a file; apart, so that a folder is read without the libraries of the web."""


class Refusal(Exception):
    """A place did not give a file; the message says why, in a few words."""


class Unreachable(Refusal):
    """The host was not reached: it is of no use to ask it for the next file."""
