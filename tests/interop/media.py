"""What a peer gets to see and hear, and how it knows whose it is: everybody
sends a tone and a brightness of their own."""

import collections
import re

import numpy

from run import check

RATE = 48000
TONE_SAMPLES = 24000  # half a second: FFT bins of 2 Hz
TOLERANCE_HZ, TOLERANCE_LUMA = 6, 12


class Person:
    """tone in Hz, size in pixels, luma 16 to 235."""

    def __init__(self, name, tone, size, luma):
        self.name, self.tone, self.size, self.luma = name, tone, size, luma


class Track:
    """One track as it is received; `feed_…` is called from any thread."""

    def __init__(self, kind, mid):
        self.kind, self.mid = kind, mid
        self.frames = 0
        self.size = self.luma = None
        self.samples = collections.deque(maxlen=TONE_SAMPLES)

    def feed_audio(self, mono):
        """mono: int16 samples at RATE."""
        self.samples.extend(mono)
        self.frames += 1

    def feed_video(self, size, luma):
        self.size, self.luma = size, luma
        self.frames += 1

    def tone(self):
        """The loudest frequency in Hz, or None for silence or too little."""
        wave = numpy.array(list(self.samples), dtype=float)
        if len(wave) < TONE_SAMPLES or numpy.abs(wave).mean() < 200:
            return None
        spectrum = numpy.abs(numpy.fft.rfft(wave * numpy.hanning(len(wave))))
        return float(spectrum.argmax()) * RATE / len(wave)

    def matches(self, person):
        """Is what comes in at present that person's?"""
        if self.kind == "audio":
            tone = self.tone()
            return tone is not None and abs(tone - person.tone) < TOLERANCE_HZ
        return (self.size == person.size
                and abs(self.luma - person.luma) < TOLERANCE_LUMA)

    def __repr__(self):
        what = self.tone() if self.kind == "audio" else (self.size, self.luma)
        return f"<{self.kind} mid {self.mid}: {self.frames} frames, {what}>"


def gets(peer, person, audio=50, video=30):
    """For until(): has `peer` that many new frames of both of `person`?"""
    start = {t: t.frames for t in peer.tracks}

    def test():
        said = []
        for kind, count in (("audio", audio), ("video", video)):
            found = [t for t in peer.tracks if t.kind == kind
                     and t.matches(person)
                     and t.frames - start.get(t, 0) >= count]
            check(found, f"no {kind} of {person.name} in {peer.tracks}")
            said.append(f"{found[0].frames} {kind} frames")
        return ", ".join(said)
    return test


def without_candidates(sdp):
    return re.sub(r"(?m)^a=(candidate:.*|end-of-candidates)\r?\n", "", sdp)


def candidates_of(sdp):
    """[{candidate, sdpMid, sdpMLineIndex}] of a text that has them."""
    found, index = [], -1
    for line in sdp.replace("\r", "").split("\n"):
        if line.startswith("m="):
            index += 1
        elif line.startswith("a=candidate:"):
            found.append({"candidate": line[2:], "sdpMid": "",
                          "sdpMLineIndex": index})
    return found
