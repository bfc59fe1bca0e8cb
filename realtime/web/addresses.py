"""Addresses of this machine that others in the network can use, and one as a picture for a phone."""

from __future__ import annotations

import io
import ipaddress
import socket

_ELSEWHERE = (("192.0.2.1", socket.AF_INET), ("2001:db8::1", socket.AF_INET6))  # of documentation: nobody is there


def addresses(host: str = "0.0.0.0") -> list[str]:
    """IP addresses of this machine, those that packets to elsewhere leave from first; none without a network.

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
    return [each for each in dict.fromkeys(found) if _is_usable(str(each))]


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
