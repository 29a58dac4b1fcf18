"""PyYAML's complaints in plain sentences.

Its own messages name tokens and quote the text that it stumbled over, which may be a phone number.
"""

from __future__ import annotations

from typing import Final

import yaml

SYNTAX: Final = (
    "YAML cannot read this. Check the quotes, brackets, colons and indentation here and in the line above."
)

_SENTENCES: Final = (
    ("'\\t'", "There is a tab here. YAML allows only spaces before a setting: replace the tab by spaces."),
    ("mapping values are not allowed", "A colon stands where none can. Check the line above, or use quotes."),
    ("found unexpected end of stream", "A quotation mark was opened and never closed. Close it."),
    ("could not find expected ':'", "A colon is missing. Write a setting as name: value."),
    ("expected ',' or '}'", "A comma or a closing brace } is missing here."),
    ("expected ',' or ']'", "A comma or a closing bracket ] is missing here."),
    ("expected <block end>", "The indentation does not fit the lines above. Line settings up with spaces."),
    ("expected a single document", "A second document begins here (---). Keep one document in the file."),
    ("but found another document", "A second document begins here (---). Keep one document in the file."),
    ("unknown escape character", "A backslash in double quotes begins a code that YAML does not know."),
    ("that cannot start any token", "A character stands here that cannot begin a value. Put it in quotes."),
    ("sequence entries are not allowed", "A dash cannot begin a list here. Put the list on its own lines."),
)


def explain_fault(error: yaml.MarkedYAMLError) -> str:
    """Return a plain sentence for what PyYAML could not read."""
    said = f"{error.context or ''} {error.problem or ''}"
    for fragment, sentence in _SENTENCES:
        if fragment in said:
            return sentence
    return SYNTAX
