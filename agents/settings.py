"""The environment of a process: addresses, secrets, limits (`SIGAP_*`)."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

from streams.clock import Mode, Timeline
from streams.limit import RUN, SHARE
from streams.topics import PREFIX
from tables.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping


Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]

VARIABLES: Final = {
    "SIGAP_KAFKA": "brokers, HOST:PORT,...",
    "SIGAP_REDIS": "redis://, rediss:// (TLS) or unix:// URL, with user and password where needed",
    "SIGAP_CONFIG": "the YAML file of settings",
    "SIGAP_DATA_DIR": "where `sigap demo` and `sigap broker` keep Kafka's data without --dir",
    "SIGAP_TOPIC_PREFIX": f"first part of every topic's name; default {PREFIX}",
    "SIGAP_CLOCK": "what drives the clocks of partitions: wall (default); event, the events alone; or"
    " scaled:AT:WALL:SPEED, a wall clock that stood at AT (ms) at the instant WALL (ms) and runs SPEED times as fast",
    "SIGAP_TICKS": "1: records with the header sigap-tick stop a partition's clock; default 0",
    "SIGAP_TOKEN": "the secret that `sigap serve` asks for",
    "SIGAP_CUSTOMER_KEY": "the secret behind the pseudonyms of customers in raw payloads, 16 characters or more;"
    " another one makes other customers",
    "SIGAP_REPLICATION": "replicas of each topic; default 3, or the number of brokers if less",
    "SIGAP_DLQ_SHARE": "the greatest share of 10,000 records of a partition that may be refused, 0 to 1; where it is"
    f" exceeded the worker stops; default {SHARE:g}, 0: none",
    "SIGAP_DLQ_RUN": "so many records refused one behind the other stop the worker, that a bad deployment does not"
    f" reject a day's traffic; default {RUN}, 0: none",
    "SIGAP_INSTANCE_ID": "a name that stays the same when this worker restarts",
    "SIGAP_KAFKA_SECURITY_PROTOCOL": "PLAINTEXT (default), SSL, SASL_PLAINTEXT or SASL_SSL",
    "SIGAP_KAFKA_SASL_MECHANISM": "PLAIN (default), SCRAM-SHA-256 or SCRAM-SHA-512",
    "SIGAP_KAFKA_USERNAME": "user for SASL",
    "SIGAP_KAFKA_PASSWORD": "password for SASL",
    "SIGAP_KAFKA_CAFILE": "certificates of authorities, PEM; default the system's",
    "SIGAP_KAFKA_CERTFILE": "this client's certificate, PEM",
    "SIGAP_KAFKA_KEYFILE": "its key, PEM",
    "SIGAP_KAFKA_KEY_PASSWORD": "the key's password",
}
"""Every variable with its meaning."""

_BROKER: Final = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):(?P<port>\d{1,5})")
_SCALED: Final = re.compile(r"scaled:(?P<at>\d{1,15}):(?P<wall>\d{1,15}):(?P<speed>\d{1,6}(?:\.\d{1,6})?)")
_PREFIX: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_FLAGS: Final = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
_GREATEST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Environment:
    """What a process is told from outside. Secrets are in no `repr`."""

    kafka: tuple[str, ...] = ()
    redis: str | None = field(default=None, repr=False)
    config: Path | None = None
    topic_prefix: str = PREFIX
    timeline: Timeline = field(default_factory=Timeline)
    ticks: bool = False
    token: str | None = field(default=None, repr=False)
    customer_key: str | None = field(default=None, repr=False)
    replication: int | None = None
    dlq_share: float = SHARE
    dlq_run: int = RUN
    instance_id: str | None = None
    security_protocol: Protocol = "PLAINTEXT"
    sasl_mechanism: Mechanism = "PLAIN"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    cafile: Path | None = None
    certfile: Path | None = None
    keyfile: Path | None = None
    key_password: str | None = field(default=None, repr=False)

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Environment:
        """The environment that `environ` describes; an empty variable counts as absent.

        Raises `SettingsError` with every problem; no message repeats an address or a secret.
        """
        reader = _Reader(environ)
        run = reader.count("SIGAP_DLQ_RUN", greatest=1_000_000_000, least=0)
        found = cls(
            kafka=reader.brokers("SIGAP_KAFKA"),
            redis=reader.redis("SIGAP_REDIS"),
            config=reader.file("SIGAP_CONFIG"),
            topic_prefix=reader.matching("SIGAP_TOPIC_PREFIX", _PREFIX, "letters, digits, . _ and -") or PREFIX,
            timeline=reader.timeline("SIGAP_CLOCK"),
            ticks=reader.choice("SIGAP_TICKS", ("0", *_FLAGS), _FLAGS),
            token=reader.text("SIGAP_TOKEN"),
            customer_key=reader.secret("SIGAP_CUSTOMER_KEY", least=16),
            replication=reader.count("SIGAP_REPLICATION", greatest=100),
            dlq_share=reader.share("SIGAP_DLQ_SHARE", SHARE),
            dlq_run=RUN if run is None else run,
            instance_id=reader.matching("SIGAP_INSTANCE_ID", _PREFIX, "letters, digits, . _ and -"),
            security_protocol=reader.choice(
                "SIGAP_KAFKA_SECURITY_PROTOCOL", ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
            ),
            sasl_mechanism=reader.choice("SIGAP_KAFKA_SASL_MECHANISM", ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")),
            username=reader.text("SIGAP_KAFKA_USERNAME"),
            password=reader.text("SIGAP_KAFKA_PASSWORD"),
            cafile=reader.file("SIGAP_KAFKA_CAFILE"),
            certfile=reader.file("SIGAP_KAFKA_CERTFILE"),
            keyfile=reader.file("SIGAP_KAFKA_KEYFILE"),
            key_password=reader.text("SIGAP_KAFKA_KEY_PASSWORD"),
        )
        problems = reader.problems or [*found._contradictions()]
        if problems:
            raise SettingsError(problems)
        return found

    def _contradictions(self) -> list[str]:
        sasl, tls = self.security_protocol.startswith("SASL"), self.security_protocol.endswith("SSL")
        problems = []
        for name, value in (("USERNAME", self.username), ("PASSWORD", self.password)):
            if sasl and value is None:
                problems.append(
                    f"SIGAP_KAFKA_{name}: required with SIGAP_KAFKA_SECURITY_PROTOCOL={self.security_protocol}"
                )
            if not sasl and value is not None:
                problems.append(
                    f"SIGAP_KAFKA_{name}: not used unless SIGAP_KAFKA_SECURITY_PROTOCOL is SASL_SSL or SASL_PLAINTEXT"
                )
        for name, file in (("CAFILE", self.cafile), ("CERTFILE", self.certfile), ("KEYFILE", self.keyfile)):
            if not tls and file is not None:
                problems.append(f"SIGAP_KAFKA_{name}: not used unless SIGAP_KAFKA_SECURITY_PROTOCOL is SSL or SASL_SSL")
        if self.keyfile is not None and self.certfile is None:
            problems.append("SIGAP_KAFKA_KEYFILE: needs SIGAP_KAFKA_CERTFILE beside it")
        return problems

    # --- what clients are made of ------------------------------------------------------------------

    def brokers(self) -> tuple[str, ...]:
        """The brokers' addresses; raises `SettingsError` if there are none."""
        if not self.kafka:
            raise SettingsError([f"SIGAP_KAFKA: required; {VARIABLES['SIGAP_KAFKA']}"])
        return self.kafka

    def redis_url(self) -> str:
        """The URL of Redis; raises `SettingsError` if there is none."""
        if self.redis is None:
            raise SettingsError([f"SIGAP_REDIS: required; {VARIABLES['SIGAP_REDIS']}"])
        return self.redis

    def kafka_kwargs(self) -> dict[str, Any]:
        """Arguments of aiokafka's clients: addresses and security. Raises `SettingsError`."""
        kwargs: dict[str, Any] = {
            "bootstrap_servers": list(self.brokers()),
            "security_protocol": self.security_protocol,
        }
        if (context := self.ssl_context()) is not None:
            kwargs["ssl_context"] = context
        if self.security_protocol.startswith("SASL"):
            kwargs |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        return kwargs

    def ssl_context(self) -> ssl.SSLContext | None:
        """The TLS context for Kafka, None without TLS; raises `SettingsError` for files that hold no certificates."""
        if not self.security_protocol.endswith("SSL"):
            return None
        try:
            context = ssl.create_default_context(cafile=self.cafile)
        except OSError as error:
            raise SettingsError(
                [f"SIGAP_KAFKA_CAFILE: {self.cafile} holds no PEM certificates ({_why(error)})"]
            ) from None
        if self.certfile is not None:
            try:
                # Without a password OpenSSL would ask for one on the terminal.
                context.load_cert_chain(self.certfile, self.keyfile, self.key_password or "")
            except OSError as error:
                raise SettingsError(
                    [f"SIGAP_KAFKA_CERTFILE: {self.certfile} and its key cannot be used ({_why(error)})"]
                ) from None
        return context


def _why(error: OSError) -> str:
    return getattr(error, "reason", None) or error.strerror or type(error).__name__


class _Reader:
    """Reads variables one by one and keeps what is wrong."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[str] = []

    def text(self, name: str) -> str | None:
        return self._environ.get(name, "").strip() or None

    def secret(self, name: str, least: int) -> str | None:
        value = self.text(name)
        if value is not None and len(value) < least:
            self._wrong(name, f"too short; at least {least} characters")
        return value

    def _wrong(self, name: str, what: str) -> None:
        self.problems.append(f"{name}: {what}")

    def matching(self, name: str, pattern: re.Pattern[str], allowed: str) -> str | None:
        value = self.text(name)
        if value is not None and not pattern.fullmatch(value):
            self._wrong(
                name, f"{value!r} is not allowed; {allowed}, at most 100 characters, the first a letter or digit"
            )
        return value

    def choice(self, name: str, allowed: tuple[str, ...], values: Mapping[str, Any] | None = None) -> Any:
        """One of `allowed`, upper and lower case alike; the first is the default. With `values`, what it stands for."""
        value = self.text(name) or allowed[0]
        found = next((each for each in allowed if each.casefold() == value.casefold()), None)
        if found is None:
            self._wrong(name, f"{value!r} is not allowed; allowed: {', '.join(dict.fromkeys(allowed))}")
            found = allowed[0]
        return values[found] if values else found

    def timeline(self, name: str) -> Timeline:
        value = self.text(name) or "wall"
        if value in {"wall", "event"}:
            return Timeline(Mode(value))
        if (found := _SCALED.fullmatch(value)) is not None:
            return Timeline(Mode.SCALED, int(found["at"]), int(found["wall"]), float(found["speed"]))
        self._wrong(name, f"{value!r} is not allowed; allowed: wall, event, scaled:AT:WALL:SPEED (ms, ms, a number)")
        return Timeline()

    def share(self, name: str, default: float) -> float:
        value = self.text(name)
        if value is None:
            return default
        if not re.fullmatch(r"0|1|0?\.\d{1,9}", value):
            self._wrong(name, f"{value!r} is not allowed; a number from 0 to 1, such as 0.25")
            return default
        return float(value)

    def count(self, name: str, greatest: int, least: int = 1) -> int | None:
        value = self.text(name)
        if value is None:
            return None
        if not (value.isascii() and value.isdigit() and least <= int(value[:10]) <= greatest):
            self._wrong(name, f"{value!r} is not allowed; a whole number from {least} to {greatest}")
            return None
        return int(value)

    def file(self, name: str) -> Path | None:
        value = self.text(name)
        path = None if value is None else Path(value).expanduser()
        if path is not None and not path.is_file():
            self._wrong(name, f"no file {path}")
        return path

    def brokers(self, name: str) -> tuple[str, ...]:
        value = self.text(name)
        if value is None:
            return ()
        addresses = tuple(each.strip() for each in value.split(",") if each.strip())
        for place, address in enumerate(addresses, start=1):
            found = _BROKER.fullmatch(address)
            if found is None or not 0 < int(found["port"]) <= _GREATEST_PORT:
                self._wrong(name, f"address {place} is not HOST:PORT; {VARIABLES[name]}, without a scheme")
        if not addresses:
            self._wrong(name, f"no address; {VARIABLES[name]}")
        return addresses

    def redis(self, name: str) -> str | None:
        value = self.text(name)
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            port = parts.port  # raises for one that is no number or too great
        except ValueError:
            self._wrong(name, "host or port is wrong; redis://[USER:PASSWORD@]HOST:PORT[/DATABASE]")
            return None
        if parts.scheme not in {"redis", "rediss", "unix"}:
            self._wrong(name, f"not a URL of Redis; {VARIABLES[name]}")
        elif parts.scheme == "unix" and not parts.path:
            self._wrong(name, "no path of a socket; unix:///PATH")
        elif parts.scheme != "unix" and (not parts.hostname or port == 0):
            self._wrong(name, "no host; redis://[USER:PASSWORD@]HOST:PORT[/DATABASE]")
        elif parts.scheme != "unix" and not re.fullmatch(r"/?\d{0,4}", parts.path):
            self._wrong(name, "the database is no number; redis://[USER:PASSWORD@]HOST:PORT[/DATABASE]")
        return value
