#!/usr/bin/env python3
"""The floors of the house: a file includes only its own floor or lower, on
floor 1 only its own folder; each package is named in one place."""

import re

from _source import files, finish, text

# Longest prefix wins. sfu/ holds several floors; a new file there is placed
# here, on purpose.
FLOORS = {
    "ice/": 1, "dtls/": 1, "rtp/": 1, "sfu/sdp/": 1, "feed/": 1,
    "sfu/env": 2, "sfu/errand": 2, "sfu/outbox": 2,
    # Types and prototypes alone; the cores make its events. The code behind
    # it is the seam's.
    "sfu/sfu.h": 2,
    # By the house on floor 2; it counts drops by the conference's enum.
    "sfu/peer": 3,
    "sfu/conference": 3, "sfu/participant": 3, "sfu/encoding": 3, "sfu/layers": 3, "sfu/quality": 3, "sfu/track": 3,
    "sfu/subscription": 3, "sfu/fanout": 3, "sfu/intake": 3, "sfu/speaker": 3, "sfu/message": 3,
    "sfu/allocate": 3, "sfu/record": 3, "sfu/relay": 3,
    "sfu/downlink": 3,
    "sfu/worker": 4, "sfu/udp": 4, "sfu/demux": 4, "sfu/wire": 4,
    "sfu/pipe": 4, "sfu/room": 4, "sfu/log": 4,
    "sfu/config": 4, "sfu/stats": 4, "sfu/notify": 4, "sfu/fullice": 4, "sfu/check": 5,
    "sfu/plug": 4, "sfu/stream": 4, "sfu/link": 4, "sfu/placement": 4,
    # A program of its own. What is not named here is its edge.
    "record/": 4, "record/take": 3, "record/order": 3, "record/depacket": 3,
    "record/clock": 3, "record/plan": 3,
    "sfu/sfu": 5, "sfu/child": 5, "http/": 5, "studio/": 5,
    "matrix-bot/": 6, "examples/": 6,
    "sfu/main": 7,
}
MAIN_ONLY = "sfu/main.c"  # the one exception: includes what it likes
IO_LINE = 4               # from here up: libevent, sockets, clock, log

# Package header -> where it may be named.
PACKAGES = {
    "stun/": ("ice/",),
    "nice/": ("sfu/fullice",),
    "mbedtls/": ("dtls/", "http/sign"),
    "psa/": ("dtls/",),
    "openssl/": ("dtls/curve",),
    "usrsctp.h": ("dtls/",),
    "srtp2/": ("rtp/",),
    "intel-ipsec-mb.h": ("rtp/",),
    "event2/": ("sfu/", "http/", "matrix-bot/", "studio/", "record/"),
    "cyaml/": ("sfu/config",),
    "yaml.h": ("sfu/config",),
    "curl/": ("http/fetch",),
    "cjson/": ("matrix-bot/", "studio/", "record/"),
    "libavformat/": ("record/",),
    "libavcodec/": ("record/",),
    "libavutil/": ("record/",),
}
EDGE_ONLY = ("time.h", "sys/time.h", "sys/un.h", "poll.h", "sys/epoll.h",
             "sys/select.h", "syslog.h", "pthread.h", "signal.h")
# Calendar arithmetic on a time it is given; banned.py sees that it asks none.
EXCEPT = {("dtls/cert.c", "time.h")}
LIBC = re.compile(
    r"(assert|ctype|dirent|endian|errno|fcntl|fnmatch|getopt|glob|ifaddrs|"
    r"inttypes|limits|locale|math|netdb|poll|pthread|pwd|sched|search|signal|"
    r"stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|string|"
    r"strings|syslog|threads|time|unistd)\.h|"
    r"(arpa|linux|net|netinet|sys)/\w+\.h|spawn\.h")
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.MULTILINE)


def prefix(path, table):
    return max((p for p in table if path.startswith(p)), key=len,
               default=None)


def folder(path):
    return path.rsplit("/", 1)[0] + "/"


def check_own(path, target, level):
    if target == path or folder(target) == folder(path) == "sfu/sdp/":
        return None
    place = prefix(target, FLOORS)
    if place is None:
        return f"includes {target}, which stands on no floor"
    if FLOORS[place] > level:
        return f"floor {level} includes {target} of floor {FLOORS[place]}"
    if FLOORS[place] == level and folder(target) != folder(path) and \
            level in (1, 6):
        return f"includes its neighbour {target}"
    return None


def check_package(path, header, level):
    place = prefix(header, PACKAGES)
    if place is None:
        if not LIBC.fullmatch(header):
            return f"includes <{header}>, a package floors.py does not know"
        if header in EDGE_ONLY and level < IO_LINE and \
                (path, header) not in EXCEPT:
            return f"includes <{header}> below the I/O line"
        return None
    if not path.startswith(PACKAGES[place]):
        return (f"names {header}; only {' '.join(PACKAGES[place])} "
                "may")
    if place == "event2/" and level < IO_LINE:
        return f"includes <{header}> below the I/O line"
    return None


def resolve(path, name, known):
    """An include in quotes is relative to the root or to its own folder."""
    for candidate in (name, folder(path) + name):
        if candidate in known:
            return candidate
    return name


def main():
    known = files("*.c", "*.h")
    sources = [p for p in known if not p.startswith(("tests/", "bench/"))]
    problems = []
    for path in sources:
        place = prefix(path, FLOORS)
        if place is None:
            problems.append(f"{path}: stands on no floor; place it in "
                            "tests/lint/floors.py")
            continue
        for quote, name in INCLUDE.findall(text(path)):
            if path == MAIN_ONLY:
                continue
            if quote == '"':
                wrong = check_own(path, resolve(path, name, known),
                                  FLOORS[place])
            else:
                wrong = check_package(path, name, FLOORS[place])
            if wrong:
                problems.append(f"{path}: {wrong}")
    if not sources:
        problems.append("there is no source file")
    finish(f"floors of {len(sources)} files", problems)


main()
