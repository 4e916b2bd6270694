"""Real payloads, every text in them that belongs to a person, and the search for it."""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from email import message_from_bytes, policy
from email.errors import MessageError
from email.header import decode_header, make_header
from hashlib import md5, sha1, sha256
from html import unescape
from typing import Any
from urllib.parse import unquote

from streams.channels import Reading, Rejected, read
from streams.clock import wall_ms
from streams.codecs import encode
from streams.events import Tagged
from tests.kafka.house import TENANT
from tests.kafka.lab import ROOT
from tests.kafka.test_ingest import NAME, WORDS, whatsapp
from tests.unit.test_channels import every_payload, secrets_of_json, secrets_of_mail
from tests.unit.test_channels_golden import HOUSE

LEAST = 6
"""Characters of a canary: what is shorter turns up by chance."""
LEAST_DIGITS = 10
"""The same of digits alone: counts and fractions are digits too, and hardly any phone number is shorter."""
SPOILT = "Pak Harun Wirawan"
"""Stands where an instant belongs, so that the payload is refused; the refusal must not quote it."""
_STRUCTURE = {"object", "field", "type", "status", "timestamp"}
_NUMBERS = re.compile("phone|wa_id|from|recipient|customer")
_PERSON = re.compile(r"\+?\d{10,15}|[\w.+-]+@[\w.-]+\w")


class Raw:
    """One raw record with the texts in it that nobody else may see.

    `secrets` stand in it as they are, `hidden` are encoded in it or can be computed from it by anybody.
    """

    def __init__(self, channel: str, body: bytes, headers: Mapping[str, str], secrets: set[str]) -> None:
        self.channel, self.body, self.headers = channel, body, {"tenant": TENANT, **headers}
        self.secrets = secrets
        self.hidden = guessable(self) | (decoded(body) if channel == "email" else set())

    def reading(self, **headers: str) -> Reading:
        """What the house makes of it."""
        try:
            return read(self.channel, self.body, self.headers | headers, HOUSE)
        except Rejected as rejected:
            return Reading((), (), (rejected,))

    def tags(self) -> set[str]:
        """Topics come through by name, as documented."""
        return {each.casefold() for one in self.reading().events if isinstance(one, Tagged) for each in one.add}


def raws() -> Iterator[Raw]:
    """Every payload there is; WhatsApp's with persons in place of placeholders, each JSON text also cut, and spoilt."""
    for _, channel, body, headers in every_payload():
        if channel == "email":
            yield Raw(channel, body, headers, secrets_of_mail(body))
            continue
        found = planted(json.loads(body)) if channel == "whatsapp" else json.loads(body)
        text = json.dumps(found, ensure_ascii=False)
        yield Raw(channel, text.encode(), headers, secrets_of_json(channel, found) | customers(found))
        yield Raw(channel, text[: len(text) // 2].encode(), headers, set())
        yield Raw(channel, json.dumps(spoilt(found)).encode(), headers, set())
    # What happened just now is in more of the figures than what is years old.
    yield Raw("whatsapp", whatsapp("wamid.HBgNNjI4MTIzNDU2Nzg5MBUC", wall_ms() - 180_000), {}, {NAME, WORDS})


def planted(part: Any, name: str = "") -> Any:
    """A WhatsApp body with numbers, ids and texts of persons in place of its placeholders."""
    match part:
        case dict():
            return {each: planted(held, each) for each, held in part.items()}
        case list():
            return [planted(held, name) for held in part]
        case str() if name not in _STRUCTURE:
            digest = sha256(f"{name} {part}".encode()).hexdigest()
            number = f"628{int(digest, 16) % 10**10:010}"
            if name == "id":  # WhatsApp's own ids hold the number, too
                return f"wamid.{base64.b64encode(number.encode()).decode()}"
            return number if _NUMBERS.search(name) else f"Kanari {digest[:12]}"
        case _:
            return part


def spoilt(part: Any, name: str = "") -> Any:
    """The same body with a name for each instant."""
    match part:
        case dict():
            return {each: spoilt(held, each) for each, held in part.items()}
        case list():
            return [spoilt(held, name) for held in part]
        case _:
            return SPOILT if name in {"timestamp", "created_at"} else part


def customers(part: Any) -> set[str]:
    """Intercom's ids of customers: unlike those of conversations, messages and agents they are hashed."""
    match part:
        case dict():
            named = part.get("type") in {"user", "lead", "contact"} and isinstance(part.get("id"), str)
            return ({part["id"]} if named else set()).union(*map(customers, part.values()))
        case list():
            return set().union(*map(customers, part))
        case _:
            return set()


def decoded(mail: bytes) -> set[str]:
    """What a reader sees of a mail: its fields, file names, and the lines of texts that travel encoded."""
    held: set[str] = set()
    message = message_from_bytes(mail, policy=policy.compat32)
    for value in message.values():
        with suppress(MessageError, LookupError, ValueError):
            held.add(str(make_header(decode_header(value))))
    for part in message.walk():
        held.add(part.get_filename() or "")
        if part.get_content_maintype() == "text" and isinstance(body := part.get_payload(decode=True), bytes):
            held |= {line.strip() for line in body.decode("utf-8", "replace").splitlines()}
    return held


def guessable(raw: Raw) -> set[str]:
    """What anybody can compute: plain digests of numbers and addresses, pseudonyms under the key that all know."""
    people = {each.lower().removeprefix("+").encode() for each in raw.secrets if _PERSON.fullmatch(each)}
    held = {digest(each).hexdigest() for each in people for digest in (md5, sha1, sha256)}
    held |= {base64.b64encode(each).decode().rstrip("=") for each in people}
    with suppress(Rejected):
        for event in read(raw.channel, raw.body, raw.headers).events:
            held |= set(re.findall("[0-9a-f]{32}", encode(event).decode()))
    return held


def canaries(texts: set[str]) -> set[str]:
    """Those that mean something when they are found, as they are searched for."""
    plain = {each.casefold().strip() for each in texts if "\ufffd" not in each}
    return {each for each in plain if len(each) >= (LEAST_DIGITS if each.isdigit() else LEAST)}


def found(wanted: set[str], texts: set[str]) -> set[str]:
    """The canaries that occur in the texts; of digits, hexadecimal ones too, whole runs: longer ones hold any."""
    whole = "\n".join(form for text in texts for form in forms(text))
    # Almost none occurs, and its first characters say so at once.
    begins = {whole[at : at + LEAST] for at in range(len(whole))}
    held = {each for each in wanted if each[:LEAST] in begins and each in whole}
    runs = {each for each in held if re.fullmatch("[0-9a-f]+", each)}
    return (held - runs) | (runs & set(re.findall("[0-9a-f]+|[0-9]+", whole)))


def forms(text: str) -> set[str]:
    """A text, and the same without what JSON, HTML and addresses write in another way."""
    plain = re.sub(r"\\(u[0-9a-fA-F]{4}|.)", lambda escape: _unescaped(escape[1]), text)
    plain = plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # JSON may write pairs
    return {text.casefold(), unquote(unescape(plain)).casefold()}


def _unescaped(code: str) -> str:
    return chr(int(code[1:], 16)) if len(code) > 1 else {"n": "\n", "r": "\r", "t": "\t"}.get(code, code)


def texts_of(held: Any) -> Iterator[str]:
    """Every text in nested bytes, as UTF-8 and, where it is none, as Latin-1."""
    match held:
        case bytes():
            yield held.decode("utf-8", "replace")
            yield held.decode("latin-1")
        case dict():
            yield from texts_of([*held.keys(), *held.values()])
        case list() | tuple() | set():
            for each in held:
                yield from texts_of(each)
        case _:
            yield str(held)


def own_source() -> set[str]:
    """What the programs are made of: the words of refusals, of records and of logs."""
    return {path.read_text() for name in ("streams", "tables", "agents") for path in (ROOT / name).rglob("*.py")}
