"""What is wrong with a broken YAML text, in plain words instead of the parser's."""

from __future__ import annotations

import re

from ruamel.yaml.error import MarkedYAMLError

_QUOTES = "a text with a colon, a comma, a bracket or ' in it needs double quotes: \"it's a sea: 2\""

_WORDS: tuple[tuple[str, str], ...] = (
    (r"character '\\t' that cannot start", "there is a tab here; indent with spaces"),
    (r"tab character|contain a tab|found a tab", "there is a tab here; indent with spaces"),
    (r"character '(.)' that cannot start", "a value cannot begin with {0}; put it in quotes"),
    (
        r"mapping values are not allowed",
        "a colon does not fit here; indent as above, or put the text in quotes",
    ),
    (r"unexpected end of stream", "a quotation mark is never closed"),
    (
        r"unknown escape character '(.)'",
        "there is no escape \\{0}; for a path write / between folders, or put it in single quotes",
    ),
    (
        r"expected escape sequence of \d+ hexdecimal numbers",
        "\\x, \\u and \\U in double quotes begin the number of a letter; for a path write / between "
        "folders, or put it in single quotes",
    ),
    (r"expected ',' or '\]'", f"a list that begins with [ is not closed or lacks a comma; {_QUOTES}"),
    (r"expected ',' or '\}'", f"a mapping that begins with {{{{ is not closed or lacks a comma; {_QUOTES}"),
    (r"expected the node content, but found '(.)'", "found {0} where a value belongs"),
    (
        r"expected <block end>, but found '(<scalar>|<alias>|,)'",
        "text follows a value that is complete; put it in quotes",
    ),
    (r"expected <block end>", "does not fit the lines above; check the indentation"),
    (r"could not find expected ':'", "a key without a colon"),
    (r"expected '<document start>', but found", "does not fit what is before it; check brackets"),
    (r"undefined tag handle '(.+)'", "a scene has no tags such as {0}"),
    (r"incompatible YAML document", "this YAML version is not known, expected 1.2"),
    (r"chomping or indentation", "after | or > the line must end"),
    (r"duplicate anchor|found duplicate anchor", "this anchor is given twice"),
)


def plain_words(error: MarkedYAMLError) -> tuple[int, int, str]:
    """Return (line, column, message) of a parser's complaint, counted from 1.

    An unclosed quotation or bracket is reported where it begins: the parser notices it only at the end.
    """
    problem = " ".join(str(error.problem or error.context or "not YAML").split())
    unclosed = re.search(r"unexpected end of stream|expected ',' or", problem)
    mark = error.context_mark if unclosed and error.context_mark else error.problem_mark
    mark = mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    for pattern, words in _WORDS:
        if match := re.search(pattern, problem):
            return line, column, "not YAML: " + words.format(*match.groups())
    return line, column, f"not YAML: {problem}"
