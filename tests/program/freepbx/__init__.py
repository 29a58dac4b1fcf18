"""A PBX whose dialplan does with an outbound call what FreePBX's does, in the form of either generation."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from harness.pbx import Pbx, Version

ADDITIONAL: Final = Path(__file__).with_name("extensions_additional.conf")
CUSTOM_PATH: Final = "/etc/asterisk/extensions_custom.conf"
INCLUDE: Final = "#include callveil/extensions.conf\n"
"""The one line that an admin adds to extensions_custom.conf, see docs/freepbx.md."""

EXTENSIONS: Final = """\
[general]
static = yes
writeprotect = yes

#include extensions_additional.conf
#include extensions_custom.conf

[from-trunk]
exten => _.,1,Hangup()

; Left blank for others, and after theirs.
[macro-dialout-trunk-predial-hook]
exten => s,1,MacroExit()
"""

FORWARDED: Final = """
[from-internal]
; A call that came in, forwarded: FreePBX says for whom it was.
exten => _*99X.,1,Set(HASH(__SIPHEADERS,Diversion)=<tel:+18005550100>)
 same => n,Goto(${EXTEN:3},1)
"""

_CALL: Final = re.compile(r"\bMacro\(([a-z-]+),([^()]*)\)")


def files(version: Version) -> dict[str, str]:
    """The dialplan's files by their path; Callveil is not among them."""
    additional = ADDITIONAL.read_text(encoding="utf-8") + FORWARDED
    extensions = EXTENSIONS
    if version != "16":  # there are no macros any more
        additional = _CALL.sub(r"Gosub(macro-\1,s,1(\2))", additional).replace("MacroExit()", "Return()")
        extensions = extensions.replace("MacroExit()", "Return()")
    return {
        "/etc/asterisk/extensions.conf": extensions,
        "/etc/asterisk/extensions_additional.conf": additional,
        CUSTOM_PATH: "",
    }


def set_hook(pbx: Pbx, custom: str) -> None:
    """Change the admin's own file, as a web page of FreePBX's would, and load the dialplan again."""
    pbx.write(CUSTOM_PATH, custom)
    pbx.cli("dialplan reload")


def set_user(pbx: Pbx, extension: str, name: str, *, outbound: str = "", emergency: str = "") -> None:
    """Enter what FreePBX keeps of a telephone in Asterisk's database.

    Args:
        pbx: whose telephone it is.
        extension: its extension.
        name: its display name.
        outbound: the caller ID that its calls out are given.
        emergency: the caller ID of its emergency calls.
    """
    put(pbx, f"DEVICE/{extension}", "user", extension)
    put(pbx, f"DEVICE/{extension}", "emergency_cid", emergency)
    put(pbx, f"AMPUSER/{extension}", "cidname", name)
    put(pbx, f"AMPUSER/{extension}", "outboundcid", outbound)


def put(pbx: Pbx, family: str, key: str, value: str) -> None:
    """Set one entry of Asterisk's database, or delete it."""
    if value:
        quoted = value.replace('"', '\\"')
        pbx.cli(f'database put {family} {key} "{quoted}"')
    else:
        pbx.cli(f"database del {family} {key}", check=False)
