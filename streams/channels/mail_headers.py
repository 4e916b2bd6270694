"""The header of a mail: its fields, and the addresses and message ids in them, of broken mail too."""

from __future__ import annotations

import re
from email.errors import MessageError
from email.header import decode_header, make_header
from email.parser import BytesHeaderParser
from email.policy import Compat32
from typing import Final

MAX_HEADER: Final = 1_048_576
"""How much of a mail is searched for its header, in bytes. A body may be of any size: nobody looks at it."""
_MAX_FIELD = 16_384  # characters of a field that are looked at
_MAX_ENCODED = 1_024  # the same of one that must be decoded first, which takes the standard library long

_end = re.compile(rb"\r?\n\r?\n|\r\r")
_line = re.compile(rb"[^\r\n]+")
_field = re.compile(rb"([!-9;-~]+)[ \t]*:")

# Each of them reads a text once, however it is made: mail comes from anybody.
_escaped = re.compile(r"\\.")
_quoted = re.compile(r'"[^"]*"')
_comment = re.compile(r"\([^()]*\)")
_angle = re.compile(r"<([^<>]*)>")
_word = re.compile(r"[^\s<>()\[\]\"',;:]+")
_message_id = re.compile(r"<([^<>]+)>")


class _Utf8(Compat32):
    """The lenient policy, with bytes beyond ASCII read as UTF-8 (RFC 6532)."""

    def header_fetch_parse(self, name: str, value: str) -> str:  # noqa: ARG002 - the base's signature
        """The field's text."""
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


_parser = BytesHeaderParser(policy=_Utf8())


class Headers:
    """The header of one mail. Every text is cut at 16 KiB; a field that is not there has no values."""

    def __init__(self, mail: bytes) -> None:
        self._fields = _parser.parsebytes(_mended(mail))

    def all(self, name: str) -> list[str]:
        """The values of every field of a name, topmost first."""
        return [str(value)[:_MAX_FIELD] for value in self._fields.get_all(name, [])]

    def first(self, name: str) -> str:
        """The topmost field's value without white space around it, or an empty text."""
        return next(iter(self.all(name)), "").strip()

    def addresses(self, *names: str) -> list[str]:
        """The addresses in the fields of these names, in order, in lower case."""
        return [address for name in names for value in self.all(name) for address in _addresses(value)]

    def message_ids(self, name: str) -> list[str]:
        """The message ids in the fields of a name, in order, without brackets and white space."""
        found = (each for value in self.all(name) for each in _message_id.findall(value))
        return [plain for each in found if (plain := "".join(each.split()))]


def without_comments(text: str) -> str:
    """A field's value without its comments, nested ones too.

    >>> without_comments("23 Apr 2025 09:48:37 +0200 (CEST (summer))")
    '23 Apr 2025 09:48:37 +0200  '
    """
    text = _escaped.sub(" ", text)
    for _ in range(9):  # nobody nests deeper
        text, count = _comment.subn(" ", text)
        if not count:
            break
    return text


def _mended(mail: bytes) -> bytes:
    """The lines that can be of a header, with no space before a colon: the parser stops at the first that cannot."""
    mail = mail[:MAX_HEADER].lstrip(b"\r\n")
    end = _end.search(mail)
    lines: list[bytes] = []
    for line in _line.findall(mail[: end.start()] if end else mail):
        if field := _field.match(line):
            lines.append(field[1] + b":" + line[field.end() :])
        elif line[:1] in b" \t" and lines:
            lines.append(line)
    return b"\n".join(lines) + b"\n\n"


def _addresses(value: str) -> list[str]:
    found = _plain_addresses(without_comments(_quoted.sub(" ", _escaped.sub(" ", value))))
    if not found and "@" in value:  # in quotes or a comment, against the rules
        found = _plain_addresses(value)
    if not found and "=?" in value:  # encoded as a whole, against the rules too
        found = _plain_addresses(_decoded(value))
    return found


def _plain_addresses(text: str) -> list[str]:
    found: list[str] = []
    for part in re.split(r"[,;]", text):
        angle = _angle.search(part)
        words = _word.findall("".join(angle[1].split()) if angle else part)
        address = next((word for word in words if "@" in word.strip("@")), None)
        if address is not None:
            found.append(address.lower())
    return found


def _decoded(value: str) -> str:
    try:
        return str(make_header(decode_header(value[:_MAX_ENCODED])))
    except (MessageError, LookupError, ValueError):
        return ""
