"""Include arrows: which room, and inside the runtime which floor, may include which.

Public headers are <room>/include/weft/..., included as "weft/..." or <weft/...>; private ones are
included by their path from the root.
"""

import re

from source import ROOMS

MAY_INCLUDE = {
    "runtime": {"runtime"},
    "channel": {"channel", "runtime"},
    "sync": {"sync", "runtime"},
    "netpoll": {"netpoll", "runtime", "channel", "sync"},
}
# Of sync, only contexts, with what cancels them, and error groups rest on channels.
SYNC_ON_CHANNELS = re.compile(
    r"^sync/(include/weft/(detail/)?)?(context|cancel_node|error_group)[a-z_]*\.[ch]pp$")

# From the bottom up.
FLOORS = ("machine", "fiber", "state", "scheduler", "report")
# The runtime's public headers are the face of the upper two, except these, which every floor may
# use.
UPPER_FLOORS = FLOORS[-2:]
PUBLIC_FOR_EVERY_FLOOR = re.compile(r"^weft/(detail/[a-z_]+|clock|version)\.hpp$")

# It includes every public header, so it lives in the topmost room there is, and for it alone the
# arrows do not count.
UMBRELLA = "weft/weft.hpp"

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"\n]+)"|<(weft/[^>\n]+)>)', re.MULTILINE)


def check(tree):
    for file in tree.cpp_files():
        text = tree.text(file)
        for match in INCLUDE.finditer(text):
            included = match.group(1) or match.group(2)
            problem = _problem(tree, file, included)
            if problem:
                line = text.count("\n", 0, match.start()) + 1
                yield f"{file}:{line}: includes {included}: {problem}"


def _problem(tree, file, included):
    where = file.split("/")
    room = where[0]
    # Libraries of their own, beside the runtime, which know its public headers only.
    if file.startswith("runtime/extras/"):
        room = "runtime/extras"
    if room in ROOMS:
        return _problem_in_room(tree, file, room, included)
    if included.split("/")[0] in ROOMS and room in ("bench", "examples", "runtime/extras"):
        return f"{room} uses public headers only"
    if included.startswith("weft/"):
        return _unknown(tree, included)
    return None


def _problem_in_room(tree, file, room, included):
    if included.startswith("weft/"):
        target = _public_header(tree, included)
        if target is None:
            return _unknown(tree, included)
    else:
        target = included
        if target not in tree.files:
            return "no such file; private headers are included by their path from the root"
        if "/include/" in file:
            return "a public header may include public headers only"
    if file.endswith("/include/" + UMBRELLA):
        return None
    if included == UMBRELLA:
        return "the headers that are needed are included, not all"
    target_room = target.split("/")[0]
    if target_room not in MAY_INCLUDE[room]:
        if not (target_room == "channel" and SYNC_ON_CHANNELS.match(file)):
            return f"{room} must not know {target_room}"
    if room == "runtime" and "/include/" not in file:
        return _problem_of_floors(file, target, included)
    return None


def _problem_of_floors(file, target, included):
    floor = file.split("/")[1]
    if floor not in FLOORS:
        return f"{floor} is not a floor of the runtime"
    if "/include/" in target:
        if floor not in UPPER_FLOORS and not PUBLIC_FOR_EVERY_FLOOR.match(included):
            return f"runtime/{floor} must not know the public face of the runtime"
        return None
    target_floor = target.split("/")[1]
    if target_floor in FLOORS and FLOORS.index(target_floor) > FLOORS.index(floor):
        return f"runtime/{floor} must not know runtime/{target_floor}, which is above it"
    return None


def _homes(tree, included):
    return [f for f in (f"{room}/include/{included}" for room in ROOMS) if f in tree.files]


def _public_header(tree, included):
    homes = _homes(tree, included)
    return homes[0] if len(homes) == 1 else None


def _unknown(tree, included):
    homes = _homes(tree, included)
    if not homes:
        return "no room has this public header"
    if len(homes) > 1:
        return "more than one room has this public header: " + ", ".join(homes)
    return None
