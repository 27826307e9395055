#!/usr/bin/env python3
"""Turns a captured allocation sequence into a heapsim trace.

The capture is text: `+ ID SIZE TAG` an allocation (TAG is the chain of callers, innermost first,
joined by '<'), `- ID` its free, `# phase NAME ...` and `# state N ...` what the program did.

    capture_to_trace.py capture.txt --title 'One https request' --origin captured \\
        --source 'mbedTLS 2.28.3, built for 32 bits' > https.trace

Each allocation's owner follows from its tag (see OWNERS); an unknown tag is an error, so that no
owner is guessed. Tags stay behind the events as comments, and so do the states.
"""
from __future__ import annotations

import argparse
import re
import sys
from typing import Iterable, Iterator, TextIO

# Owner, what the header says of it, and the tags that are its own. The capabilities are those that
# ESP-IDF v4.4 asks for on its default settings.
OWNERS: list[tuple[str, str, re.Pattern[str]]] = [
    ("wifi", "idf", re.compile(r"wifi_[rt]x_dyn")),
    ("rtos", "idf caps=internal,8bit", re.compile(r"task_(stack|tcb)|rtos_queue|sem_slot")),
    ("lwip", "idf", re.compile(r"mbox|memp_malloc|pbuf_alloc|dhcp_start")),
    (
        "mbedtls",
        "idf caps=internal,8bit",
        re.compile(
            r"mpi[:_]|mbedtls_|ssl_|x509_|asn1_|ecp_|ecdh_|ecdsa_|rsa_|pk_|pem_|md_|sha|gcm_|aes_"
            r"|cipher|tls_|ctr_drbg|entropy|esp_mpi|esp_|calculate_rinv|oid_|eckey|key_|cert_|hmac"
        ),
    ),
]

# Blocks for which the driver asks DMA memory; and sizes that no capture gave but an estimate.
DMA_TAG = re.compile(r"wifi_tx_dyn")
ESTIMATE = re.compile(r"\(est:([^)]*)\)")


class CaptureError(Exception):
    """What was found in the capture, with its line."""


def owner_of(tag: str, otherwise: str | None) -> str:
    """The owner whose tags begin like the innermost caller, or a later one in the chain."""
    for caller in tag.split("<"):
        for name, _, pattern in OWNERS:
            if pattern.match(caller):
                return name
    if otherwise is not None:
        return otherwise
    raise CaptureError(f"found tag '{tag}', expected one of a known owner (see OWNERS)")


def comment_of(tag: str) -> str:
    """The tag as a comment; an estimated size is said so on its own line."""
    estimate = ESTIMATE.search(tag)
    plain = ESTIMATE.sub("", tag)
    return f"{plain}; estimated: size of the {estimate.group(1)}" if estimate else plain


def alloc_line(number: int, size: int, tag: str, options: argparse.Namespace) -> str:
    """One alloc statement."""
    caps = " caps=dma" if DMA_TAG.match(tag) else ""
    estimated = ESTIMATE.search(tag) is not None
    comment = f" # {comment_of(tag)}" if estimated or not options.no_tags else ""
    return f"alloc {number} {size} {owner_of(tag, options.otherwise)}{caps}{comment}"


def events(lines: Iterable[str], options: argparse.Namespace) -> Iterator[str]:
    """The statements of the trace, in order."""
    live: set[int] = set()
    for count, line in enumerate(lines, 1):
        fields = line.split()
        try:
            if not fields:
                continue
            if fields[0] == "+" and len(fields) == 4:
                number = int(fields[1])
                if number in live:
                    raise CaptureError(f"found {number} allocated twice, expected a new number")
                live.add(number)
                yield alloc_line(number, int(fields[2]), fields[3], options)
            elif fields[0] == "-" and len(fields) == 2:
                if int(fields[1]) not in live:
                    raise CaptureError(f"found a free of {fields[1]}, expected one that is live")
                live.remove(int(fields[1]))
                yield f"free {fields[1]}"
            elif fields[:2] == ["#", "phase"] and len(fields) > 2:
                if fields[2] != "end":  # nothing follows it
                    yield f"phase {fields[2]}"
            elif fields[:2] == ["#", "state"] and len(fields) > 2:
                yield f"# state {fields[2]}"
            elif fields[0] != "#":
                raise CaptureError(f"found '{line.strip()}', expected '+ ID SIZE TAG' or '- ID'")
        except (CaptureError, ValueError) as error:
            raise CaptureError(f"{count}: {error}") from error


def cut(lines: Iterable[str], phases: str | None) -> Iterator[str]:
    """The phases FIRST..LAST alone; blocks from before and what frees them are left out."""
    if phases is None:
        yield from lines
        return
    first, _, last = phases.partition("..")
    inside = False
    before = ""
    known: set[str] = set()
    for line in lines:
        words = line.split()
        if words[0] == "phase":
            inside = words[1] == first or (inside and before != (last or first))
            before = words[1]
        if not inside:
            continue
        if words[0] == "alloc":
            known.add(words[1])
        elif words[0] == "free" and words[1] not in known:
            continue
        yield line


def header(title: str, origin: str, sources: list[str], device: str | None, used: set[str]) -> str:
    """The header lines, with the owners that the events name."""
    lines = ["heapsim-trace 1", f"title   {title}", f"origin  {origin}"]
    lines += [f"source  {source}" for source in sources]
    if device:
        lines.append(f"device  {device}")
    lines.append("complete yes")
    lines += [f"owner   {name} {heap}" for name, heap, _ in OWNERS if name in used]
    return "\n".join(lines) + "\n"


def convert(capture: TextIO, options: argparse.Namespace, out: TextIO) -> None:
    """Reads the whole capture first: its owners stand before its events."""
    body = list(cut(events(capture, options), options.phases))
    used = {line.split()[3] for line in body if line.startswith("alloc ")}
    out.write(header(options.title, options.origin, options.source, options.device, used))
    out.writelines(line + "\n" for line in body)


def main() -> int:
    """Command line: 0 done, 2 bad usage or bad input."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("capture", help="the captured sequence, - is stdin")
    parser.add_argument("--title", required=True)
    parser.add_argument(
        "--origin", choices=["captured", "published", "modelled"], default="captured"
    )
    parser.add_argument("--source", action="append", default=[], help="may be repeated")
    parser.add_argument("--device")
    parser.add_argument("--no-tags", action="store_true", help="leave out the callers' names")
    parser.add_argument(
        "--phases", metavar="FIRST..LAST", help="these alone, without what was live before"
    )
    parser.add_argument(
        "--otherwise",
        choices=[name for name, _, _ in OWNERS],
        help="owner of tags that name no known caller (a stripped binary)",
    )
    options = parser.parse_args()
    try:
        if options.capture == "-":
            convert(sys.stdin, options, sys.stdout)
        else:
            with open(options.capture, encoding="utf-8") as capture:
                convert(capture, options, sys.stdout)
    except (CaptureError, OSError, UnicodeDecodeError) as error:
        print(f"{options.capture}:{error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
