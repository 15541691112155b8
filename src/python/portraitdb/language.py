"""The language of the package's own texts: English, or Chinese as the program speaks it.

The texts stand in the source where they are used. ``zh.json`` has each of them in Chinese, under the English text with its holes:
``"{name}: two columns have this name; rename one of them"``.
"""

from __future__ import annotations

import functools
import json
import os
import re
from importlib import resources


def of_environment() -> str:
    """The language of the locale, ``en`` or ``zh``: the first of these variables that is set decides, as in the program.

    It is that of a session too, until ``SET portrait.language`` chooses another.
    """
    set_ones = filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG")))
    return "zh" if re.split("[_.@-]", next(set_ones, ""))[0] == "zh" else "en"


@functools.cache
def chinese() -> dict[str, str]:
    """The texts in Chinese, by their English."""
    return json.loads(resources.files(__package__).joinpath("zh.json").read_text(encoding="utf-8"))


def in_language(language: str, english: str) -> str:
    """A text in a language; English where the catalogue does not know it."""
    return chinese().get(english, english) if language == "zh" else english


def told(language: str, english: str, /, **values: object) -> str:
    """A text in a language, with these values in its holes."""
    return in_language(language, english).format(**values)
