"""Where the functions of a C++ file begin and end: a heuristic for code that clang-format laid out.

At namespace or class scope a brace after a space opens a function's body if parentheses, and no
"=", stand before it in its statement; a brace without a space before it opens an initialiser.
"""

import re

from source import line_of

_CONDITIONAL = re.compile(r"^[ \t]*#[ \t]*(if|ifdef|ifndef|elif|else|endif)\b", re.MULTILINE)
_DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
_SCOPE = re.compile(r"\b(namespace|class|struct|union|enum)\b|\bextern\s*$")
_NOT_A_NAME = re.compile(r"\b(alignas|decltype|noexcept|requires|__attribute__|throw)\s*\(")
_NAME = re.compile(r"((?:\w+::)*(?:operator\s*(?:\(\)|[^\s(\w]+|\w+)|~?[A-Za-z_]\w*))\s*\(")
_ACCESS = re.compile(r"\s*(?:(?:public|private|protected):\s*)?")


def functions(code):
    """(name, first line, last line) of each function in text without comments and literals; what
    lies inside a function belongs to it."""
    code = _one_branch(code)
    start = 0  # of the statement at hand
    open_ = []  # what the braces and parentheses around the place are
    for match in re.finditer(r"[{}();]", code):
        at, char = match.start(), match.group()
        if char in "({":
            if char == "(" or _nested(open_) or not code[at - 1:at].isspace():
                open_.append(("expression", None, None))
                continue
            kind, name = _kind(code[start:at])
            open_.append((kind, name, start + _ACCESS.match(code[start:at]).end()))
            if kind == "scope":
                start = at + 1
        elif char in ")}":
            kind, name, begin = open_.pop()
            if kind == "function":
                yield name, line_of(code, begin), line_of(code, at)
            if kind != "expression":
                start = at + 1
        elif not _nested(open_):
            start = at + 1


def _nested(open_):
    return bool(open_) and open_[-1][0] != "scope"


def _kind(head):
    """What the brace after `head` opens: ("scope"|"function"|"other", the function's name)."""
    head = _without_brackets(head, re.compile(r"\btemplate\s*<"), "<", ">")
    head = _without_brackets(head, _NOT_A_NAME, "(", ")")
    if re.search(r"(?<![=!<>])=\s*$", head):
        return "other", None
    name = _NAME.search(head)
    if name:
        return "function", name.group(1)
    return ("scope" if _SCOPE.search(head) else "other"), None


def _without_brackets(text, opening, left, right):
    """Blanks each match of `opening`, which ends with `left`, up to its `right`."""
    while match := opening.search(text):
        depth, at = 1, match.end()
        while depth and at < len(text):
            depth += {left: 1, right: -1}.get(text[at], 0)
            at += 1
        text = text[:match.start()] + _blank(text[match.start():at]) + text[at:]
    return text


def _one_branch(code):
    """Blanks directives, and of each #if all branches but the first, so that braces balance."""
    kept = []
    skipping = []  # for each #if around the place: is this branch left out?
    last = 0
    for match in _CONDITIONAL.finditer(code):
        chunk = code[last:match.start()]
        kept.append(_blank(chunk) if any(skipping) else chunk)
        last = match.start()
        word = match.group(1)
        if word in ("elif", "else"):
            skipping[-1] = True
        elif word == "endif":
            skipping.pop()
        else:
            skipping.append(False)
    kept.append(code[last:])
    return _DIRECTIVE.sub(lambda m: _blank(m.group()), "".join(kept))


def _blank(text):
    return re.sub(r"[^\n]", " ", text)
