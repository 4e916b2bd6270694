"""Mails of our own making, one rule each."""

from typing import Any

import pytest

from streams.channels import House, Rejected, normalise
from streams.events import Message

HOUSE = House(
    key=b"k",
    addresses=frozenset(["acme.example", "@Acme.Test", "help@gmail.example"]),
    agents={"Budi@acme.example": "budi"},
)
DATE = "Wed, 12 Jun 2024 10:00:00 +0700"
AT = 1_718_161_200_000
CUSTOMER = "siti@mail.example"


def mail(text: str = "Hello", **fields: str | None) -> bytes:
    header = {
        "From": f"Siti <{CUSTOMER}>",
        "To": "help@acme.example",
        "Date": DATE,
        "Message-ID": "<q1@mail.example>",
        "Subject": "An order",
    } | {name.replace("_", "-"): value for name, value in fields.items()}
    return "".join(f"{name}: {value}\r\n" for name, value in header.items() if value is not None).encode() + (
        b"\r\n" + text.encode()
    )


def message(raw: bytes, headers: dict[str, str] | None = None, house: House = HOUSE) -> Message:
    (event,) = normalise("email", raw, headers or {}, house)
    assert isinstance(event, Message)
    return event


def test_a_mail_is_a_customers_message() -> None:
    event = message(mail())
    assert (event.direction, event.author, event.auto, event.private) == ("inbound", "customer", False, False)
    assert (event.channel, event.at) == ("email", AT)
    assert event.customer_id == message(mail(From=CUSTOMER.upper(), Message_ID="<q2@mail.example>")).customer_id


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_line_ends_do_not_matter(line_end: str) -> None:
    assert message(mail().replace(b"\r\n", line_end.encode())).event_id == message(mail()).event_id


# --- threads ---------------------------------------------------------------------------------------


def test_a_thread_is_one_conversation() -> None:
    asked = message(mail())
    answered = message(
        mail(
            From="Budi <budi@acme.example>",
            To=CUSTOMER,
            Message_ID="<a1@acme.example>",
            In_Reply_To="<q1@mail.example>",
            References="<q1@mail.example>",
        )
    )
    again = message(
        mail(
            Message_ID="<q2@mail.example>",
            In_Reply_To="<a1@acme.example>",
            References="<q1@mail.example>\r\n <a1@acme.example>",
        )
    )
    assert asked.conversation_id == answered.conversation_id == again.conversation_id
    assert len({asked.event_id, answered.event_id, again.event_id}) == 3


def test_an_answer_to_what_the_house_began_lands_there() -> None:
    began = message(mail(From="budi@acme.example", To=CUSTOMER, Message_ID="<a1@acme.example>"))
    answered = message(mail(In_Reply_To="<a1@acme.example>"))
    assert began.conversation_id == answered.conversation_id


@pytest.mark.parametrize(
    "fields",
    [
        {"In_Reply_To": "<root@x.example>"},
        {"In_Reply_To": "<root@x.example> <other@x.example>"},
        {"In_Reply_To": 'Your message of "Mon" <root@x.example>'},
        {"References": "<root@x.example> <other@x.example>", "In_Reply_To": "<other@x.example>"},
        {"References": "<root@x.example>, <broken", "In_Reply_To": "<other@x.example>"},
        {"References": "<ro\r\n ot@x.example>"},
        {"References": "", "In_Reply_To": "<root@x.example>"},
        {"Message_ID": "root@x.example"},
        {"Message_ID": "<root@x.example> (by hand)"},
    ],
)
def test_the_root_of_a_thread(fields: dict[str, str]) -> None:
    assert message(mail(**fields)).conversation_id == message(mail(Message_ID="<root@x.example>")).conversation_id


@pytest.mark.parametrize("nothing", [{"In_Reply_To": ""}, {"In_Reply_To": CUSTOMER}, {"References": "none"}])
def test_what_names_no_mail_is_no_thread(nothing: dict[str, str]) -> None:
    assert message(mail(**nothing)).conversation_id == message(mail()).conversation_id


def test_without_a_message_id_the_same_bytes_are_the_same_mail() -> None:
    raw = mail(Message_ID=None)
    assert message(raw) == message(raw)
    assert message(raw).event_id != message(mail(text="Hello again", Message_ID=None)).event_id


# --- who wrote -------------------------------------------------------------------------------------


@pytest.mark.parametrize("sender", ["budi@acme.example", "Budi <BUDI@ACME.EXAMPLE>", "budi+x@acme.example"])
def test_mail_of_the_house_is_an_agents(sender: str) -> None:
    event = message(mail(From=sender, To=f"help@acme.example, Siti <{CUSTOMER}>"))
    assert (event.direction, event.author, event.private) == ("outbound", "agent", False)
    assert event.customer_id == message(mail()).customer_id


def test_an_agent_has_the_id_of_the_settings_or_a_pseudonym() -> None:
    assert message(mail(From="budi@acme.example", To=CUSTOMER)).agent_id == "budi"
    other = message(mail(From="wati@acme.test", To=CUSTOMER)).agent_id
    assert other is not None
    assert other.startswith("email-")
    assert "wati" not in other
    assert other == message(mail(From="Wati <WATI@acme.test>", To=CUSTOMER, Message_ID="<2@x>")).agent_id


def test_only_the_houses_own_mailbox_at_a_public_provider() -> None:
    assert message(mail(From="help+7@gmail.example", To=CUSTOMER)).direction == "outbound"
    assert message(mail(From="helper@gmail.example", To=CUSTOMER)).direction == "inbound"
    assert message(mail(From="x@evil-acme.example", To=CUSTOMER)).direction == "inbound"


def test_mail_between_colleagues_is_a_note() -> None:
    event = message(mail(From="budi@acme.example", To="wati@acme.test"))
    assert (event.direction, event.author, event.private, event.customer_id) == ("outbound", "agent", True, None)


def test_a_form_on_the_site_writes_for_the_customer() -> None:
    event = message(mail(From="web@acme.example", Reply_To=CUSTOMER, Auto_Submitted="auto-generated"))
    assert (event.direction, event.author, event.auto) == ("inbound", "customer", False)
    assert event.customer_id == message(mail()).customer_id


@pytest.mark.parametrize(
    "sender",
    [
        CUSTOMER,
        f"{CUSTOMER} (Siti)",
        f'"Siti, of Jakarta" <{CUSTOMER}>',
        f'"budi@acme.example" <{CUSTOMER}>',
        f"(budi@acme.example) {CUSTOMER}",
        "Siti <siti(her account)@mail.(its host) example>",
        f"Siti {CUSTOMER}",
        f"{CUSTOMER}, budi@acme.example",
        f"<<{CUSTOMER}>>",
        "=?utf-8?b?U2l0aSA8c2l0aUBtYWlsLmV4YW1wbGU+?=",
        f'"{CUSTOMER}"',
    ],
)
def test_a_sender_however_it_is_written(sender: str) -> None:
    assert message(mail(From=sender)).customer_id == message(mail()).customer_id


def test_another_field_may_name_the_sender() -> None:
    expected = message(mail()).customer_id
    assert message(mail(From=None, Sender=CUSTOMER)).customer_id == expected
    assert message(mail(From=None, Return_Path=f"<{CUSTOMER}>")).customer_id == expected
    assert message(mail(From="Siti")).customer_id is None
    with pytest.raises(Rejected, match="missing_field: From"):
        normalise("email", mail(From=None), {}, HOUSE)


def test_broken_lines_in_the_header_do_not_hide_the_rest() -> None:
    raw = b"From siti@mail.example Wed Jun 12\nnot a field\nquite Delivered-To: x\n" + mail().replace(b": ", b"  : ")
    assert message(raw).event_id == message(mail()).event_id


def test_addresses_beyond_ascii_differ() -> None:
    first, second = (message(mail(From=f"{name}@mail.example")) for name in ("jörg", "järg"))
    assert first.customer_id != second.customer_id


# --- automatic mail --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "auto"),
    [
        ({"Auto_Submitted": "auto-replied"}, True),
        ({"Auto_Submitted": "(vacation) Auto-Generated; owner-email=x"}, True),
        ({"Auto_Submitted": "no"}, False),
        ({"Auto_Submitted": "No (a person)"}, False),
        ({"X_Autoreply": "yes"}, True),
        ({"X_Autorespond": "Out of office"}, True),
        ({"Precedence": "auto_reply"}, True),
        ({"Precedence": "bulk"}, True),
        ({"Precedence": "Junk"}, True),
        ({"Precedence": "list"}, False),
        ({"Precedence": "first-class"}, False),
        ({"X_Auto_Response_Suppress": "All"}, True),
        ({"X_Auto_Response_Suppress": "DR, OOF, AutoReply"}, True),
        ({"X_Auto_Response_Suppress": "DR, RN, NRN"}, False),
        ({"X_Auto_Response_Suppress": "None"}, False),
        ({"Return_Path": "<>"}, True),
        ({"Return_Path": f"<{CUSTOMER}>"}, False),
        ({"Content_Type": "multipart/report; report-type=delivery-status"}, True),
        ({"From": "Mail Delivery Subsystem <MAILER-DAEMON@mail.example>"}, True),
        ({"From": "no-reply@mail.example"}, False),
    ],
)
def test_automatic_mail(fields: dict[str, Any], auto: bool) -> None:
    assert message(mail(**fields)).auto is auto


def test_a_bounce_without_a_sender() -> None:
    event = message(mail(From='"" (Mail Delivery System)', Return_Path="<>"))
    assert (event.direction, event.author, event.auto, event.customer_id) == ("inbound", "customer", True, None)


def test_an_automatic_answer_of_the_house_is_nobodys() -> None:
    event = message(mail(From="help@acme.example", To=CUSTOMER, Auto_Submitted="auto-replied"))
    assert (event.direction, event.author, event.agent_id, event.auto) == ("outbound", "system", None, True)


# --- dates -----------------------------------------------------------------------------------------


RECEIVED = "from a.example by mx.acme.example; Wed, 12 Jun 2024 10:00:30 +0700"


@pytest.mark.parametrize(
    ("fields", "headers", "expected"),
    [
        ({"Date": DATE, "Received": RECEIVED}, {"received_at": "1718200000000"}, AT),
        ({"Date": None, "Received": RECEIVED}, {"received_at": "1718200000000"}, AT + 30_000),
        ({"Date": "soon", "Received": "by mx"}, {"received_at": "1718200000000"}, 1_718_200_000_000),
        ({"Date": None}, {"received_at": "1718200000000"}, 1_718_200_000_000),
        # A clock that is ahead by more than five minutes is wrong: the mail is here already.
        ({"Date": "Wed, 12 Jun 2024 10:05:30 +0700", "Received": RECEIVED}, {}, AT + 330_000),
        ({"Date": "Wed, 12 Jun 2024 10:05:31 +0700", "Received": RECEIVED}, {}, AT + 30_000),
        ({"Date": "Wed, 12 Jun 3024 10:00:00 +0700"}, {"received_at": "1718200000000"}, 1_718_200_000_000),
        ({"Date": "Wed, 12 Jun 1968 10:00:00 +0700", "Received": RECEIVED}, {}, AT + 30_000),
    ],
)
def test_when_a_mail_was_sent(fields: dict[str, Any], headers: dict[str, str], expected: int) -> None:
    assert message(mail(**fields), headers).at == expected


@pytest.mark.parametrize("date", [None, "", "tomorrow", "Wed, 12 Jun 1968 10:00:00 +0700", "31 Dec 9999 23:00 -0800"])
def test_a_mail_without_any_instant_is_refused(date: str | None) -> None:
    with pytest.raises(Rejected, match="missing_field: Date"):
        normalise("email", mail(Date=date), {}, HOUSE)


def test_a_mail_may_be_of_any_size() -> None:
    assert message(mail(text="x" * 3_000_000)).event_id == message(mail()).event_id


@pytest.mark.parametrize("junk", [b"", b"\r\n\r\n", b"\x00" * 99, b"no mail at all", b"\xff\xfe: \xff\n\n"])
def test_what_is_no_mail_is_refused(junk: bytes) -> None:
    with pytest.raises(Rejected, match="missing_field: From"):
        normalise("email", junk, {})
