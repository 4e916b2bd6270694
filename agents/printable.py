"""Text of others on a terminal of ours."""


def printable(text: str) -> str:
    r"""The text with control characters escaped, so that it cannot speak to the terminal.

    >>> printable("budi\x1b[2J")
    'budi\\x1b[2J'
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
