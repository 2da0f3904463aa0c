#!/usr/bin/env python3
"""Calls that have no place: anywhere, below the I/O line, on the packet path."""

import re

from _source import bare, files, finish, functions, text

EVERYWHERE = {
    "gets": "fgets", "strcpy": "snprintf or memcpy", "strcat": "snprintf",
    "sprintf": "snprintf", "vsprintf": "vsnprintf", "strtok": "strtok_r",
    "atoi": "strtol", "atol": "strtol", "atoll": "strtoll", "alloca": "",
    "system": "fork and exec", "popen": "", "tmpnam": "mkstemp",
    "mktemp": "mkstemp", "rand": "getrandom", "srand": "getrandom",
    "random": "getrandom", "srandom": "getrandom", "gmtime": "gmtime_r",
    "localtime": "localtime_r", "ctime": "strftime", "asctime": "strftime",
    "strerror_r": "strerror", "longjmp": "", "setjmp": "",
}
# Floors 0 to 3 are told the time, given randomness, and return what there is
# to say.
CORES = ("ice/", "dtls/", "rtp/", "sfu/sdp/", "sfu/env", "sfu/outbox",
         "sfu/peer", "sfu/conference", "sfu/participant", "sfu/track",
         "sfu/subscription", "sfu/fanout", "sfu/intake", "sfu/speaker", "sfu/message",
         "sfu/allocate", "sfu/encoding", "sfu/layers", "sfu/quality")
IN_CORES = (
    "time gettimeofday clock_gettime clock times usleep sleep nanosleep "
    "rand_r drand48 getrandom getentropy arc4random arc4random_buf "
    "printf fprintf vprintf vfprintf puts fputs putchar perror syslog "
    "fopen open openat read write close fread fwrite getenv setenv "
    "socket bind connect listen accept send sendto sendmsg sendmmsg recv "
    "recvfrom recvmsg recvmmsg setsockopt select poll epoll_wait ioctl "
    "exit abort _exit fork execv kill signal sigaction pthread_create").split()
# Files through which each packet goes: memory is made and freed in functions
# that say so in their name.
PACKET_PATH = ("ice/", "rtp/", "sfu/outbox", "sfu/subscription", "sfu/track", "sfu/encoding",
               "sfu/participant_rtcp", "sfu/participant_rtp", "sfu/fanout", "sfu/intake",
               "sfu/speaker", "sfu/udp", "sfu/demux",
               "sfu/worker_input")
ALLOCATORS = ("malloc calloc realloc reallocarray free strdup strndup "
              "asprintf vasprintf posix_memalign aligned_alloc").split()
MAKERS = re.compile(r"(^|_)(new|init|free|done|open|close|grow|drop|attach)($|_)")
CALL = re.compile(r"(?<![\w.>])(\w+)\s*\(")
TYPES = re.compile(
    r"\b(?:int|void|char|bool|unsigned|size_t|ssize_t|\w+_t|\w+ \*)\s*\**$")


def calls(line):
    """Names called in a line; declarations and members are none."""
    for match in CALL.finditer(line):
        if not TYPES.search(line[:match.start()]):
            yield match.group(1)


def check(path, problems):
    source = bare(text(path))
    core = path.startswith(CORES)
    makers = [(a, b) for name, a, b in functions(source)
              if MAKERS.search(name)]
    on_path = path.startswith(PACKET_PATH)
    for number, line in enumerate(source.split("\n"), 1):
        for name in calls(line):
            where = f"{path}:{number}: {name}()"
            if name in EVERYWHERE:
                advice = EVERYWHERE[name]
                problems.append(f"{where} is banned"
                                + (f"; use {advice}" if advice else ""))
            elif core and (name in IN_CORES or re.match(
                    r"(log_(error|warn|info|debug|line|write)|event_|evutil_)",
                    name)):
                problems.append(f"{where} below the I/O line")
            elif on_path and name in ALLOCATORS and not any(
                    a <= number <= b for a, b in makers):
                problems.append(f"{where} on the packet path")


def main():
    sources = [p for p in files("*.c", "*.h")
               if not p.startswith(("tests/", "bench/"))]
    problems = [] if sources else ["there is no source file"]
    for path in sources:
        check(path, problems)
    finish(f"banned calls in {len(sources)} files", problems)


main()
