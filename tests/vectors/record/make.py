#!/usr/bin/env python3
"""Makes the vectors; see README.md. Needs ffmpeg, GStreamer, and for AV1 go."""

import pathlib
import re
import shutil
import struct
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
OUT = pathlib.Path(sys.argv[1])
SEQ, TS = 65530, 4294950000


def run(*argv, cwd=OUT):
    subprocess.run([str(a) for a in argv], cwd=cwd, check=True)


def encode(size, name, *codec):
    run("ffmpeg", "-hide_banner", "-loglevel", "error", "-y", "-f", "lavfi",
        "-i", f"testsrc2=size={size}:rate=15", "-frames:v", "24", "-pix_fmt",
        "yuv420p", *codec, name)


def packets(source, parser, payloader, target):
    run("gst-launch-1.0", "-q", "filesrc", f"location={source}", "!",
        *parser, "!", *payloader, "mtu=300", "ssrc=1",
        f"seqnum-offset={SEQ}", f"timestamp-offset={TS}", "!",
        "rtpstreampay", "!", "filesink", f"location={target}")


def fnv(data):
    value = 0xcbf29ce484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001b3 % 2**64
    return value


def write(name, frames):
    (OUT / f"{name}.frames").write_text(
        "".join(f"{len(f)} {fnv(f):016x}\n" for f in frames))


def ivf(name):
    data, at, frames = (OUT / name).read_bytes(), 32, []
    while at < len(data):
        size = struct.unpack_from("<I", data, at)[0]
        frames.append(data[at + 12:at + 12 + size])
        at += 12 + size
    return frames


def access_units(name):
    data = (OUT / name).read_bytes()
    units, slices = [], False
    for nal in re.split(b"\0\0\0?\1", data)[1:]:
        kind = nal[0] & 31
        is_slice = 1 <= kind <= 5
        if not units or slices and (not is_slice or nal[1] & 0x80):
            units.append(b"")
            slices = False
        slices = slices or is_slice
        units[-1] += b"\0\0\0\1" + nal
    return units


def leb128(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def temporal_units(name):
    data, at, units = (OUT / name).read_bytes(), 0, []
    while at < len(data):
        start = at
        head = 2 if data[at] & 4 else 1
        size, at = leb128(data, at + head)
        at += size
        if data[start] >> 3 & 15 == 2:
            units.append(b"")
        else:
            units[-1] += data[start:at]
    return units


def ogg(name):
    data, at, found, part = (OUT / name).read_bytes(), 0, [], b""
    while at < len(data):
        n = data[at + 26]
        lacing = data[at + 27:at + 27 + n]
        at += 27 + n
        for size in lacing:
            part += data[at:at + size]
            at += size
            if size < 255:
                found.append(part)
                part = b""
    return found[2:]


def main():
    for name, encoder in (("vp8", "libvpx"), ("vp9", "libvpx-vp9")):
        encode("176x144", f"{name}.ivf", "-c:v", encoder, "-b:v", "120k", "-g",
               "10", "-deadline", "realtime", "-lag-in-frames", "0")
        packets(f"{name}.ivf", ["ivfparse"],
                [f"rtp{name}pay", "picture-id-mode=2", "pt=96"],
                f"{name}.rtp")
        write(name, ivf(f"{name}.ivf"))
    encode("178x146", "h264.h264", "-c:v", "libx264", "-profile:v", "baseline",
           "-tune", "zerolatency", "-x264-params", "slices=2:keyint=10",
           "-b:v", "120k")
    packets("h264.h264", ["h264parse"],
            ["rtph264pay", "aggregate-mode=zero-latency", "pt=96"],
            "h264.rtp")
    write("h264", access_units("h264.h264"))
    run("ffmpeg", "-hide_banner", "-loglevel", "error", "-y", "-f", "lavfi",
        "-i", "sine=frequency=440:duration=0.6", "-c:a", "libopus", "-b:a",
        "24k", "opus.ogg")
    packets("opus.ogg", ["oggdemux", "!", "opusparse"],
            ["rtpopuspay", "pt=111"], "opus.rtp")
    write("opus", ogg("opus.ogg"))
    encode("176x144", "av1.obu", "-c:v", "libaom-av1", "-usage", "realtime",
           "-cpu-used", "8", "-lag-in-frames", "0", "-b:v", "120k", "-g", "10")
    units = temporal_units("av1.obu")
    write("av1", units)
    (OUT / "av1.bin").write_bytes(
        b"".join(struct.pack(">I", len(u)) + u for u in units))
    shutil.copytree(HERE / "av1pay", OUT / "av1pay", dirs_exist_ok=True)
    module = OUT / "av1pay"
    if not (module / "go.mod").exists():
        run("go", "mod", "init", "av1pay", cwd=module)
        run("go", "get", "github.com/pion/rtp@v1.10.6", cwd=module)
    run("go", "run", ".", "../av1.bin", "../av1.rtp", SEQ, TS, cwd=module)


main()
