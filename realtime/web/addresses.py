"""Addresses of this machine that others in the network can use, and one as a picture for a phone."""

from __future__ import annotations

import io
import ipaddress
import socket
import struct
import sys

_SIOCGIFADDR = 0x8915  # linux/sockios.h: the address of an interface
_ELSEWHERE = (("192.0.2.1", socket.AF_INET), ("2001:db8::1", socket.AF_INET6))  # of documentation: nobody is there


def addresses(host: str = "0.0.0.0") -> list[str]:
    """IP addresses of this machine, those that packets to elsewhere leave from first; none without a network.

    A phone may be on a network of this machine's own, such as its hotspot, which leads nowhere else.

    Args:
        host: that is listened on: "0.0.0.0" is reached by IPv4 alone, "::" by IPv6 alone.
    """
    found = []
    for far, family in _ELSEWHERE:
        if (family == socket.AF_INET6) != (":" in host):
            continue
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as sock:
                sock.connect((far, 9))  # sends nothing: it only asks which way it would go
                found.append(sock.getsockname()[0])
        except OSError:
            continue
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        found += [info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, family)]
    except OSError:
        pass
    found += _of_interfaces() if ":" not in host else []
    return [each for each in dict.fromkeys(found) if _is_usable(str(each))]


def _of_interfaces() -> list[str]:
    """IPv4 addresses of all networks that this machine is in; other systems than Linux tell them by the host's name."""
    if sys.platform != "linux":
        return []
    import fcntl

    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _, name in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(sock.fileno(), _SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
            except OSError:
                continue  # it has none
            found.append(socket.inet_ntoa(answer[20:24]))
    return found


def qr_code(text: str) -> str:
    """A QR code in half blocks of a terminal, with its quiet zone."""
    import segno

    out = io.StringIO()
    segno.make(text, error="l").terminal(out=out, compact=True, border=2)
    return out.getvalue().rstrip("\n")


def _is_usable(address: str) -> bool:
    """
    >>> _is_usable("127.0.0.1"), _is_usable("fe80::1"), _is_usable("192.168.1.7")
    (False, False, True)
    """
    parsed = ipaddress.ip_address(address.partition("%")[0])
    return not (parsed.is_loopback or parsed.is_link_local or parsed.is_unspecified)
