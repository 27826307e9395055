#!/usr/bin/env python3
"""Writes the modelled traces into traces/ from parameters.toml and the captured traces.

    model.py           write them
    model.py --check   compare: exit 1 when a trace is not what the parameters give
"""
from __future__ import annotations

import argparse
import gzip
import io
import sys
from collections.abc import Callable
from pathlib import Path

import parameters as params
from events import TRACES, between, read_captured, trace_text
from parts import (
    HTTP,
    HTTPS,
    Builder,
    ble_up,
    first_read,
    https_request,
    wifi_up,
    without_core_timers,
)

LEGEND = (
    "letter on each line: R read in the sources of IDF v4.4, M captured on a host (traces lwip-*: "
    "lwIP and mbedTLS), P published, E estimated, C calibrated: fitted to the figures of "
    "MicroPython issue 8940, not predicted; ranges and reasons: scripts/model/parameters.toml"
)
WIFI = (
    "Wi-Fi driver (closed code): modelled; the totals of initialise, active and connect are "
    "published, what the known blocks leave of them is cut into pieces (E or C)"
)
CAPTURED = "interleaved in the captured order: lwIP, DHCP and sockets, lines with the letter M"
TLS = "interleaved in the captured order: mbedTLS, lines with the letter M and the owner mbedtls"
WINDOW = (
    "frames of one flight are moved forward to arrive together, up to the TCP window: the device "
    "reads more slowly than the peer sends (estimated)"
)
BLE = "controller and NimBLE: pools and stacks read, numbers of queues and callouts estimated"


def wifi_connect(b: Builder) -> None:
    wifi_up(b, HTTP)


def wifi_cycle(b: Builder) -> None:
    """Connect and take everything down, three times, later with a scan first. DHCP runs once.

    lwIP, the event loop and the interfaces stay, as on the device.
    """
    wifi_up(b, HTTP)
    for again in range(2):
        wifi_down(b)
        b.mark(f"down{again + 1}")
        b.modelled("wifi_init")
        b.modelled("wifi_active")
        b.modelled("wifi_scan")
        b.modelled("wifi_connect")
        b.modelled("wifi_4way")
        b.mark(f"up{again + 2}")
    wifi_down(b)
    b.mark("down3")


def wifi_down(b: Builder) -> None:
    for until in ("disconnect", "stop", "deinit"):
        b.phase(f"wifi_{until}")
        b.release(until)


def wifi_http(b: Builder) -> None:
    wifi_up(b, HTTP)
    b.captured(between(read_captured(HTTP), "dhcp_bound", None))
    b.mark("closed")


def wifi_https(b: Builder) -> None:
    wifi_up(b, HTTPS)
    b.captured(between(read_captured(HTTPS), "dhcp_bound", "https_resolve"))
    b.mark("http_closed")
    b.captured(https_request(b.parameters))
    b.mark("closed")


def wifi_https_many(b: Builder, number: int) -> None:
    """Each request comes while the earlier answers wait, unread; the last one ends first."""
    request = https_request(b.parameters)
    split = first_read(request, "https_recv")
    later = without_core_timers(request)
    later_split = first_read(later, "https_recv")
    wifi_up(b, HTTPS)
    b.captured(between(read_captured(HTTPS), "dhcp_bound", "https_resolve"))
    b.mark("http_closed")
    b.captured(request[:split])
    b.mark("open1")
    for n in range(2, number + 1):
        b.captured(later[:later_split], f"request{n}_")
        b.mark(f"open{n}")
    for n in range(number, 1, -1):
        b.captured(later[later_split:], f"request{n}_")
        b.mark(f"closed{n}")
    b.captured(request[split:])


def wifi_https_2(b: Builder) -> None:
    wifi_https_many(b, 2)


def wifi_https_4(b: Builder) -> None:
    wifi_https_many(b, 4)


def ble(b: Builder) -> None:
    ble_up(b, with_region=True)
    b.phase("bt_deinit")
    b.release("deinit")


def ble_no_return(b: Builder) -> None:
    ble_up(b, with_region=False)
    b.phase("bt_deinit")
    b.release("deinit")


def wifi_ble(b: Builder) -> None:
    wifi_up(b, HTTP)
    ble_up(b, with_region=True)


def wifi_ble_no_return(b: Builder) -> None:
    wifi_up(b, HTTP)
    ble_up(b, with_region=False)


def wifi_ble_https(b: Builder) -> None:
    wifi_up(b, HTTPS)
    ble_up(b, with_region=True)
    b.captured(between(read_captured(HTTPS), "dhcp_bound", "https_resolve"))
    b.captured(https_request(b.parameters))
    b.mark("closed")


def softap(b: Builder) -> None:
    wifi_up(b, HTTP)
    b.modelled("softap")
    b.mark("softap_active")
    b.modelled("softap_station")
    b.phase("wifi_disconnect")
    b.release("disconnect")
    b.phase("wifi_stop")
    b.release("stop")
    b.mark("stopped")


Build = Callable[[Builder], None]
RECIPES: dict[str, tuple[str, list[str], Build]] = {
    "wifi-connect.trace": ("Wi-Fi station: initialise, active, connect, DHCP",
                           [WIFI, CAPTURED], wifi_connect),
    "wifi-cycle.trace": ("Wi-Fi station three times up and down; DHCP the first time only",
                         [WIFI, CAPTURED], wifi_cycle),
    "softap.trace": ("Wi-Fi station, then a soft-AP that one station joins, then both down",
                     [WIFI, CAPTURED], softap),
    "wifi-http.trace": ("Wi-Fi, then three http requests (1.2, 1.2 and 30 KB)",
                        [WIFI, CAPTURED], wifi_http),
    "wifi-https.trace.gz": ("Wi-Fi, an http request, then an https request",
                            [WIFI, CAPTURED, TLS, WINDOW], wifi_https),
    "wifi-https-2.trace.gz": ("Wi-Fi, then two https requests at the same time",
                              [WIFI, CAPTURED, TLS, WINDOW], wifi_https_2),
    "wifi-https-4.trace.gz": ("Wi-Fi, then four https requests at the same time",
                              [WIFI, CAPTURED, TLS, WINDOW], wifi_https_4),
    "ble-active.trace": ("BLE on and off; classic Bluetooth's memory becomes heap", [BLE], ble),
    "ble-active-no-return.trace": ("BLE on and off; no memory returns", [BLE], ble_no_return),
    "wifi-ble.trace": ("Wi-Fi, then BLE; classic Bluetooth's memory becomes heap",
                       [WIFI, CAPTURED, BLE], wifi_ble),
    "wifi-ble-no-return.trace": ("Wi-Fi, then BLE; no memory returns",
                                 [WIFI, CAPTURED, BLE], wifi_ble_no_return),
    "wifi-ble-https.trace.gz": ("Wi-Fi and BLE, then an https request",
                                [WIFI, CAPTURED, TLS, WINDOW, BLE], wifi_ble_https),
}


def build(name: str, parameters: params.Parameters) -> Builder:
    builder = Builder(parameters)
    RECIPES[name][2](builder)
    return builder


def text_of(name: str, parameters: params.Parameters) -> str:
    title, sources, _ = RECIPES[name]
    return trace_text(title, [*sources, LEGEND], build(name, parameters).events)


def write(path: Path, text: str) -> None:
    data = text.encode()
    if path.suffix == ".gz":
        packed = io.BytesIO()
        with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0, compresslevel=9) as file:
            file.write(data)
        data = packed.getvalue()
    temporary = path.with_name(path.name + ".new")
    temporary.write_bytes(data)
    temporary.rename(path)


def read(path: Path) -> str:
    data = path.read_bytes() if path.exists() else b""
    return (gzip.decompress(data) if path.suffix == ".gz" and data else data).decode()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    options = parser.parse_args()
    parameters = params.load()
    stale = []
    for name in RECIPES:
        text = text_of(name, parameters)
        if not options.check:
            write(TRACES / name, text)
        elif read(TRACES / name) != text:
            stale.append(name)
    for name in stale:
        print(f"{name}: found other lines, expected those of the parameters", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
