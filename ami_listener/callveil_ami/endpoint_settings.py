"""Asks Asterisk for the settings of a PJSIP endpoint, as they are in force."""

from __future__ import annotations

from enum import Enum, auto

from callveil_ami.connection import AmiConnection


class Unseen(Enum):
    """Why Asterisk did not tell an endpoint's settings."""

    NOT_ALLOWED = auto()
    NO_SUCH_ENDPOINT = auto()
    NO_ANSWER = auto()


async def endpoint_settings(connection: AmiConnection, endpoint: str) -> dict[str, str] | Unseen:
    """Return the fields of ``EndpointDetail``, or why there are none.

    Raises:
        callveil_ami.connection.SessionError: the connection is of no more use.
    """
    reply = await connection.ask_list({"Action": "PJSIPShowEndpoint", "Endpoint": endpoint})
    for one in reply:
        if one.get("Event") == "EndpointDetail":
            return {name: _as_text(value) for name, value in one.items()}
    said = str(reply[0].get("Message", "")).lower()
    if "permission" in said:
        return Unseen.NOT_ALLOWED
    return Unseen.NO_SUCH_ENDPOINT if "unable to retrieve" in said else Unseen.NO_ANSWER


async def shared_settings(connection: AmiConnection) -> dict[str, str] | None:
    """Return the ``[global]`` settings in pjsip.conf; None where Asterisk does not tell them.

    They are what the file says: Asterisk may have read it when it said something else. Only that section is
    asked for, because others hold passwords.

    Raises:
        callveil_ami.connection.SessionError: the connection is of no more use.
    """
    reply = await connection.ask({"Action": "GetConfig", "Filename": "pjsip.conf", "Filter": "type=global"})
    if reply.get("Response") != "Success":
        return None
    found: dict[str, str] = {}
    for name, value in reply.items():
        if name.lower().startswith("line-"):
            setting, _, text = _as_text(value).partition("=")
            found[setting.strip().lower()] = text.strip()
    return found


def _as_text(value: object) -> str:
    """Return a field's text; of a field that stands there twice, both."""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
