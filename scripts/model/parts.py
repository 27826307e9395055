"""The parts of which the modelled traces are made: subsystems, and captured traffic."""
from __future__ import annotations

import functools
from dataclasses import replace

from events import Event, between, prefixed, read_captured
from parameters import Parameters

OWNER_OF_PHASE = {
    "event_loop": "event_loop",
    "netif": "netif",
    "softap": "softap",
    "softap_station": "softap",
    "bt_controller": "bt",
    "nimble": "nimble",
}
DATA_FRAME = 100  # a longer frame carries data; ACK, SYN and ARP are shorter
ESTABLISHED = {"http1_send", "http2_send", "http3_send", "https_wrap"}
CLOSED = {"http1_closed", "http2_closed", "http3_closed", "https_closed"}
HTTP = "lwip-http3.trace"
HTTPS = "lwip-http-https.trace.gz"


class Builder:
    """Collects events; remembers what a later tear-down has to free."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self.events: list[Event] = []
        self.held: dict[str, list[str]] = {}
        self.live: set[str] = set()
        self.count = 0
        self.connections = 0
        self.done: set[str] = set()  # phases that ran: what stays forever comes only once

    def add(self, events: list[Event]) -> None:
        """A free of a block that was never allocated here belongs to a part that was left out."""
        for e in events:
            if e.op == "alloc":
                self.live.add(e.slot)
            elif e.op == "free":
                if e.slot not in self.live:
                    continue
                self.live.remove(e.slot)
            self.events.append(e)

    def phase(self, name: str, comment: str = "") -> None:
        self.add([Event("phase", name, comment=comment)])

    def mark(self, name: str) -> None:
        self.add([Event("mark", name)])

    def modelled(self, name: str) -> None:
        """All blocks of one phase of the parameters."""
        phase = self.parameters.phases[name]
        self.phase(name, phase.title)
        owner = OWNER_OF_PHASE.get(name, "wifi")
        passing = []
        for block in phase.blocks:
            if block.until == "forever" and name in self.done:
                continue
            for _ in range(block.count):
                self.count += 1
                slot = f"m{self.count}"
                comment = f"{block.source} {block.name}"
                self.add([Event("alloc", slot, block.size, owner, block.caps, comment)])
                if block.until == "phase":
                    passing.append(slot)
                else:
                    self.held.setdefault(block.until, []).append(slot)
        self.add([Event("free", slot) for slot in passing])
        self.done.add(name)

    def release(self, until: str) -> None:
        """The last that came goes first."""
        self.add([Event("free", slot) for slot in reversed(self.held.pop(until, []))])

    def captured(self, events: list[Event], prefix: str = "") -> None:
        """Captured events; frames get the driver's header, connections its session."""
        p = self.parameters
        out: list[Event] = []
        for e in prefixed(events, prefix):
            if e.op == "phase":
                out += [e, *self.session(e.slot.removeprefix(prefix))]
                continue
            if e.is_frame("rx"):
                note = f"C wifi_rx_dyn: frame of {e.size} and the driver's header, calibrated"
                e = replace(e, size=e.size + p.rx_header, comment=note)
            elif e.is_frame("tx"):
                note = f"E wifi_tx_dyn: frame of {e.size} and the driver's header"
                e = replace(e, size=e.size + p.tx_header, comment=note)
            out.append(e)
        self.add(out)


    def session(self, phase: str) -> list[Event]:
        """The driver's session begins with the first connection and ends with the last."""
        step = (phase in ESTABLISHED) - (phase in CLOSED)
        before, self.connections = self.connections, self.connections + step
        if before == 0 and step == 1 and self.parameters.session:
            size, note = self.parameters.session, "C driver's session while connections carry data"
            return [Event("alloc", "session", size, "wifi", "", note)]
        return [Event("free", "session")] if before == 1 and step == -1 else []


def frame_groups(events: list[Event]) -> list[int]:
    """Indices of received data frames: buffer, reference pbuf and message follow one another."""
    return [i for i, e in enumerate(events) if e.is_frame("rx") and e.size > DATA_FRAME]


def first_read(events: list[Event], phase: str) -> int:
    """Index at which the program, in `phase`, has read the first frame and frees its buffer."""
    start = next(i for i, e in enumerate(events) if e.op == "phase" and e.slot == phase)
    frames = {events[i].slot for i in frame_groups(events)}
    later = range(start, len(events))
    return next(i for i in later if events[i].op == "free" and events[i].slot in frames)


def sends_data(event: Event) -> bool:
    """lwIP's own copy of what the program sends: a pbuf of a whole segment."""
    return event.op == "alloc" and event.owner == "lwip" and event.size == 1540


def filled_window(events: list[Event], window: int) -> list[Event]:
    """Frames of one flight come as early as the window lets them: right behind one another.

    A frame belongs to the flight of the one before it when no data were sent in between. It moves
    forward to where fewer than `window` frames of its flight wait; its three blocks stay together.
    """
    if window < 2:
        return events
    out = list(events)
    for nth in range(len(frame_groups(out))):
        i = frame_groups(out)[nth]
        at = arrival(out, i, window)
        if at < i:
            group = out[i : i + 3]
            out = out[:i] + out[i + 3 :]
            taken = Event("free", group[2].slot)  # the message lives until lwIP has seen it
            out.remove(taken)
            out[at:at] = [*group, taken]
    return out


def arrival(events: list[Event], i: int, window: int) -> int:
    """The earliest place for the frame at `i`: behind the last one, and where there is room."""
    earlier = [k for k in frame_groups(events) if k < i]
    if not earlier or any(sends_data(e) for e in events[earlier[-1] : i]):
        return i
    place = earlier[-1] + 3
    if len(earlier) >= window:
        leaving = events[earlier[-window]].slot
        gone = next((k for k, e in enumerate(events) if e.op == "free" and e.slot == leaving), i)
        place = max(place, min(gone + 2, i))  # the buffer and its pbuf are freed together
    return place


def without_core_timers(events: list[Event]) -> list[Event]:
    """lwIP's cyclic timers exist once, however many connections there are."""
    timers = {e.slot for e in events if e.op == "alloc" and "lwip_cyclic_timer" in e.comment}
    return [e for e in events if e.slot not in timers]


def foreign_frames(parameters: Parameters) -> list[Event]:
    """Frames of others, each with its reference pbuf, waiting for the TCP/IP task."""
    number, size = parameters.background
    note = "C pbuf_alloc_reference: frame of others, waiting"
    out = []
    for i in range(number):
        out.append(Event("alloc", f"foreign{i}", size, "wifi", "", "M wifi_rx_dyn"))
        out.append(Event("alloc", f"foreign_pbuf{i}", 24, "lwip", "", note))
    return out


@functools.cache
def request_in_window(window: int) -> tuple[Event, ...]:
    return tuple(filled_window(between(read_captured(HTTPS), "https_resolve", None), window))


def https_request(parameters: Parameters) -> list[Event]:
    """The captured request with full windows, frames of others, and a mark at wrap_socket."""
    foreign = foreign_frames(parameters)
    out: list[Event] = []
    for e in request_in_window(parameters.window):
        if e.op == "phase" and e.slot == "https_connect":
            out += [Event("free", f.slot) for f in foreign]
        if e.owner == "mbedtls" and not any(k.op == "mark" for k in out):
            out.append(Event("mark", "wrap_socket"))
        out.append(e)
        if e.op == "phase" and e.slot == "https_socket":
            out += foreign
    return out


def wifi_up(b: Builder, capture: str) -> None:
    """From the event loop to an address got by DHCP; TCP/IP start and DHCP from the capture."""
    events = read_captured(capture)
    b.modelled("event_loop")
    b.captured(between(events, "tcpip_init", "netif_add"))
    b.modelled("netif")
    b.modelled("wifi_init")
    b.modelled("wifi_active")
    b.modelled("wifi_connect")
    b.modelled("wifi_4way")
    b.captured(between(events, "netif_add", "dhcp_bound"))
    b.mark("connected")


def ble_up(b: Builder, with_region: bool) -> None:
    if with_region:
        start, size, kind = b.parameters.region
        b.phase("bt_memory", "R what classic Bluetooth does not need returns to the heap")
        b.add([Event("region", f"{start:#x}", size, kind, "", "R esp_bt_controller_mem_release")])
    b.modelled("bt_controller")
    b.modelled("nimble")
    b.mark("ble_active")
